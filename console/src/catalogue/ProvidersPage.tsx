import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useState } from "react";

import { count } from "~/format/number";
import { Button } from "~/ui/Button";
import { Segments } from "~/ui/Field";
import { Badge } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { type Column } from "~/ui/Table";

import { CatalogueList } from "./CatalogueList";
import { MembersDialog } from "./MembersDialog";
import { PROVIDER } from "./fields";
import { formOf } from "./members";
import { list, yesNo } from "./parts";
import { type Endpoint, type Provider, endpointsQuery, providersQuery, useWhole } from "./rows";
import { type CatalogueSearch, catalogueSearch, matches } from "./search";
import { makeProvider } from "./write";

const route = getRouteApi("/inside/operator/providers");

interface Tally {
  all: number;
  usable: number;
  unwell: number;
}

/** Of each provider's endpoints, how many there are and how they are. */
function tallies(endpoints: readonly Endpoint[]): Map<string, Tally> {
  const tallied = new Map<string, Tally>();
  for (const one of endpoints) {
    const tally = tallied.get(one.provider) ?? { all: 0, usable: 0, unwell: 0 };
    tally.all += 1;
    if (one.usable) tally.usable += 1;
    if (one.usable && one.health.state !== "healthy") tally.unwell += 1;
    tallied.set(one.provider, tally);
  }
  return tallied;
}

export function ProviderBadges({ of }: { of: Provider }) {
  return (
    <span className="chips">
      {of.disabled ? <Badge>switched off</Badge> : null}
      {of.simulated ? <Badge tone="warn">simulated</Badge> : null}
      {of.credential ? <Badge tone="good">own credential</Badge> : null}
      {!of.disabled && !of.simulated && !of.credential ? <Badge tone="good">in use</Badge> : null}
    </span>
  );
}

function columns(tallied: Map<string, Tally>): Column<Provider>[] {
  return [
    {
      id: "name",
      head: "Provider",
      width: "minmax(190px, 2fr)",
      value: (one) => one.name,
      cell: (one) => (
        <div className="stack-tight">
          <Link to="/operator/providers/$slug" params={{ slug: one.slug }} className="cut">
            {one.name}
          </Link>
          <span className="soft mono cut">{one.slug}</span>
        </div>
      ),
    },
    {
      id: "state",
      head: "State",
      width: "minmax(170px, 1fr)",
      value: (one) => Number(one.disabled) * 2 + Number(one.simulated),
      cell: (one) => <ProviderBadges of={one} />,
    },
    {
      id: "dialect",
      head: "Dialect",
      width: "110px",
      value: (one) => one.dialect,
      cell: (one) => one.dialect,
    },
    {
      id: "endpoints",
      head: "Endpoints",
      width: "110px",
      align: "right",
      value: (one) => tallied.get(one.slug)?.all ?? 0,
      cell: (one) => (
        <Link to="/operator/endpoints" search={{ provider: one.slug }}>
          {count(tallied.get(one.slug)?.all ?? 0)}
        </Link>
      ),
    },
    {
      id: "unwell",
      head: "Not well",
      width: "105px",
      align: "right",
      value: (one) => tallied.get(one.slug)?.unwell ?? 0,
      cell: (one) => {
        const unwell = tallied.get(one.slug)?.unwell ?? 0;
        return unwell === 0 ? <span className="soft">0</span> : <Badge tone="bad">{count(unwell)}</Badge>;
      },
    },
    {
      id: "collects",
      head: "Collects data",
      width: "125px",
      value: (one) => yesNo(one.collects_data),
      cell: (one) => yesNo(one.collects_data),
    },
    {
      id: "retains",
      head: "Retains nothing",
      width: "140px",
      value: (one) => yesNo(one.zero_data_retention),
      cell: (one) => yesNo(one.zero_data_retention),
    },
    {
      id: "where",
      head: "Where",
      width: "minmax(110px, 1fr)",
      value: (one) => one.headquarters,
      cell: (one) => (
        <span className="cut" title="Headquarters; datacenters">
          {one.headquarters ?? "–"}
          {one.datacenters.length > 0 ? <span className="soft">; {list(one.datacenters)}</span> : null}
        </span>
      ),
    },
  ];
}

export function ProvidersPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const found = useWhole(useInfiniteQuery(providersQuery));
  const endpoints = useWhole(useInfiniteQuery(endpointsQuery()));
  const [isAsked, ask] = useState(false);
  const deferred = useDeferredValue(search);
  const tallied = useMemo(() => tallies(endpoints.rows ?? []), [endpoints.rows]);
  const shown = useMemo(
    () =>
      found.rows?.filter(
        (one) =>
          matches(deferred.q, one.name, one.slug, one.dialect, one.base_url) &&
          (deferred.show === undefined || one.disabled === (deferred.show === "off")),
      ),
    [found.rows, deferred],
  );
  const head = useMemo(() => columns(tallied), [tallied]);
  const change = (changes: CatalogueSearch) =>
    void navigate({ search: (old) => catalogueSearch({ ...old, ...changes }), replace: true });
  return (
    <Page
      title="Providers"
      about="Who serves models: where each is, how it is spoken to, and what it does with data."
      actions={
        <Button kind="primary" onClick={() => ask(true)}>
          New provider
        </Button>
      }
    >
      <CatalogueList
        label="Providers"
        list={found}
        shown={shown}
        search={search}
        onSearch={change}
        columns={head}
        rowKey={(one) => one.slug}
        filters={
          <Segments
            label="Which"
            options={[
              { value: "all", label: "All" },
              { value: "used", label: "In use" },
              { value: "off", label: "Switched off" },
            ]}
            value={search.show === "used" || search.show === "off" ? search.show : "all"}
            onChange={(show) => change({ show: show === "all" ? undefined : (show as "used" | "off") })}
          />
        }
        none="There is no provider yet"
        hint="Make one, then an endpoint with a price: models are served by these."
        missed="No such provider"
      />
      {isAsked ? (
        <MembersDialog
          title="New provider"
          isNew
          groups={PROVIDER}
          before={formOf(PROVIDER, {})}
          onSend={makeProvider}
          onDone={(done) => void navigate({ to: "/operator/providers/$slug", params: { slug: done.id } })}
          onClose={() => ask(false)}
        />
      ) : null}
    </Page>
  );
}
