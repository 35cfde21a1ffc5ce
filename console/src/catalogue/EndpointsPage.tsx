import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useState } from "react";

import { sortOf, sortingOf } from "~/models/search";
import { Button } from "~/ui/Button";
import { Empty, ErrorNote, Loading } from "~/ui/Note";
import { Page } from "~/ui/Page";

import { EndpointsTable, stateOf, useStates } from "./EndpointsTable";
import { NewEndpointDialog } from "./NewEndpointDialog";
import { HowMany } from "./parts";
import { type Endpoint, endpointsQuery, providersQuery, useWhole } from "./rows";
import { type CatalogueSearch, type Show, catalogueSearch, matches } from "./search";

const route = getRouteApi("/inside/operator/endpoints");

const SHOWN: { value: Show | ""; label: string }[] = [
  { value: "", label: "All" },
  { value: "used", label: "Usable" },
  { value: "unwell", label: "Usable, not well" },
  { value: "unusable", label: "Not usable" },
  { value: "off", label: "Switched off" },
  { value: "deprecated", label: "With a last day" },
];

export function isShown(
  one: Endpoint,
  search: CatalogueSearch,
  states: Map<string, string> | undefined,
): boolean {
  const shows: Record<Show, boolean> = {
    used: one.usable,
    unusable: !one.usable,
    unwell: one.usable && stateOf(one, states) !== "healthy",
    off: one.disabled,
    deprecated: one.deprecation_date !== null,
  };
  return (
    (search.show === undefined || shows[search.show]) &&
    (search.provider === undefined || one.provider === search.provider) &&
    (search.model === undefined || one.model === search.model) &&
    matches(search.q, one.model, one.tag, one.provider_model, one.id)
  );
}

export function EndpointsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const found = useWhole(useInfiniteQuery(endpointsQuery()));
  const providers = useWhole(useInfiniteQuery(providersQuery));
  const states = useStates();
  const [isAsked, ask] = useState(false);
  const deferred = useDeferredValue(search);
  const shown = useMemo(
    () => found.rows?.filter((one) => isShown(one, deferred, states)),
    [found.rows, deferred, states],
  );
  const change = (changes: CatalogueSearch) =>
    void navigate({ search: (old) => catalogueSearch({ ...old, ...changes }), replace: true });
  return (
    <Page
      title="Endpoints"
      about="Each is one provider's offer of one model, at one price. Time to the first token and speed are means of the last five minutes."
      actions={
        <Button kind="primary" onClick={() => ask(true)}>
          New endpoint
        </Button>
      }
    >
      <div className="bar">
        <input
          type="search"
          className="input grow"
          placeholder="Search (press /)"
          aria-label="Search endpoints"
          value={search.q ?? ""}
          onChange={(event) => change({ q: event.target.value })}
        />
        <select
          className="input"
          aria-label="Provider"
          value={search.provider ?? ""}
          onChange={(event) => change({ provider: event.target.value })}
        >
          <option value="">Every provider</option>
          {(providers.rows ?? []).map((one) => (
            <option key={one.slug} value={one.slug}>
              {one.name}
            </option>
          ))}
        </select>
        <select
          className="input"
          aria-label="Which"
          value={search.show ?? ""}
          onChange={(event) => change({ show: (event.target.value || undefined) as Show | undefined })}
        >
          {SHOWN.map((one) => (
            <option key={one.value} value={one.value}>
              {one.label}
            </option>
          ))}
        </select>
        {search.model ? (
          <Button size="small" onClick={() => change({ model: undefined })}>
            {search.model} ✕
          </Button>
        ) : null}
        <HowMany shown={shown?.length} list={found} />
      </div>
      {found.error ? <ErrorNote error={found.error} onRetry={found.retry} /> : null}
      {shown ? (
        <EndpointsTable
          rows={shown}
          sorting={sortingOf(search.sort)}
          onSort={(sorting) => change({ sort: sortOf(sorting) })}
          empty={
            found.rows?.length === 0 ? (
              <Empty title="There is no endpoint yet">
                A provider and a model come first; an endpoint brings them together at a price.
              </Empty>
            ) : (
              <Empty
                title={search.show === "unwell" ? "All of these are well" : "No endpoint meets all of these"}
                action={<Button onClick={() => void navigate({ search: {} })}>Show all</Button>}
              />
            )
          }
        />
      ) : found.error ? null : (
        <Loading lines={10} />
      )}
      {isAsked ? (
        <NewEndpointDialog
          given={{ provider: search.provider ?? "", model: search.model ?? "" }}
          onDone={(id) => void navigate({ to: "/operator/endpoints/$id", params: { id } })}
          onClose={() => ask(false)}
        />
      ) : null}
    </Page>
  );
}
