import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useState } from "react";

import { Button } from "~/ui/Button";
import { Page } from "~/ui/Page";

import { CatalogueList, ProviderSelect, ShowSelect } from "./CatalogueList";
import { endpointColumns, stateOf, useStates } from "./EndpointsTable";
import { NewEndpointDialog } from "./NewEndpointDialog";
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
  const columns = useMemo(() => endpointColumns(states), [states]);
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
      <CatalogueList
        label="Endpoints"
        list={found}
        shown={shown}
        search={search}
        onSearch={change}
        columns={columns}
        rowKey={(one) => one.id}
        filters={
          <>
            <ProviderSelect providers={providers.rows} search={search} onSearch={change} />
            <ShowSelect options={SHOWN} search={search} onSearch={change} />
            {search.model ? (
              <Button size="small" onClick={() => change({ model: undefined })}>
                {search.model} ✕
              </Button>
            ) : null}
          </>
        }
        none="There is no endpoint yet"
        hint="A provider and a model come first; an endpoint brings them together at a price."
        missed={search.show === "unwell" ? "All of these are well" : "No endpoint meets all of these"}
      />
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
