import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useState } from "react";

import { Button, ButtonLink } from "~/ui/Button";
import { Badge } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { type Column } from "~/ui/Table";

import { CatalogueList, ProviderSelect } from "./CatalogueList";
import { PriceDialog } from "./PriceDialog";
import { CLASSES, type ClassName, classOf, picosOf, rateText } from "./rates";
import { type Endpoint, endpointsQuery, providersQuery, useWhole } from "./rows";
import { type CatalogueSearch, catalogueSearch, matches } from "./search";

const route = getRouteApi("/inside/operator/prices");

const SHOWN: ClassName[] = ["input", "cache_read", "output"];

const rateColumn = (name: ClassName): Column<Endpoint> => ({
  id: name,
  head: `${classOf(name).label} / 1M`,
  width: "140px",
  align: "right",
  value: (one) => {
    const picos = picosOf(one.price?.base[name] ?? "");
    return picos === null ? null : Number(picos);
  },
  cell: (one) => rateText(one.price?.base, name),
});

/** What else is priced, apart from the three that have columns. */
function furtherRates(one: Endpoint): string[] {
  return CLASSES.filter(({ name }) => !SHOWN.includes(name) && one.price?.base[name] !== undefined).map(
    ({ name, label, per }) => `${label} ${rateText(one.price?.base, name)} / ${per}`,
  );
}

function columns(onPrice: (one: Endpoint) => void): Column<Endpoint>[] {
  return [
    {
      id: "endpoint",
      head: "Endpoint",
      width: "minmax(240px, 3fr)",
      value: (one) => `${one.model} ${one.tag}`,
      cell: (one) => (
        <div className="stack-tight">
          <Link to="/operator/endpoints/$id" params={{ id: one.id }} className="cut">
            {one.model}
          </Link>
          <span className="soft mono cut">{one.tag}</span>
        </div>
      ),
    },
    ...SHOWN.map(rateColumn),
    {
      id: "further",
      head: "Further rates",
      width: "minmax(190px, 2fr)",
      value: (one) => furtherRates(one).length,
      cell: (one) => {
        const further = furtherRates(one);
        return (
          <div className="soft cut" title={further.join("\n")}>
            {further.length === 0 ? "–" : further.join("; ")}
          </div>
        );
      },
    },
    {
      id: "parts",
      head: "Tiers, hours",
      width: "minmax(130px, 1fr)",
      value: (one) => (one.price?.tiers?.length ?? 0) + (one.price?.windows?.length ?? 0),
      cell: (one) => (
        <span className="chips">
          {one.price === null ? <Badge tone="bad">no price</Badge> : null}
          {one.price?.tiers?.length ? <Badge>{one.price.tiers.length} by length</Badge> : null}
          {one.price?.windows?.length ? <Badge>{one.price.windows.length} by hour</Badge> : null}
        </span>
      ),
    },
    {
      id: "act",
      head: <span className="visually-hidden">What can be done</span>,
      width: "120px",
      align: "right",
      cell: (one) => (
        <Button
          size="small"
          aria-label={`New price for ${one.tag}, ${one.model}`}
          onClick={() => onPrice(one)}
        >
          New price
        </Button>
      ),
    },
  ];
}

export function PricesPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const found = useWhole(useInfiniteQuery(endpointsQuery()));
  const providers = useWhole(useInfiniteQuery(providersQuery));
  const [priced, price] = useState<Endpoint | null>(null);
  const deferred = useDeferredValue(search);
  const head = useMemo(() => columns(price), []);
  const shown = useMemo(
    () =>
      found.rows?.filter(
        (one) =>
          (deferred.provider === undefined || one.provider === deferred.provider) &&
          (deferred.model === undefined || one.model === deferred.model) &&
          matches(deferred.q, one.model, one.tag),
      ),
    [found.rows, deferred],
  );
  const change = (changes: CatalogueSearch) =>
    void navigate({ search: (old) => catalogueSearch({ ...old, ...changes }), replace: true });
  return (
    <Page
      title="Prices"
      about="What the platform pays, in effect now. An endpoint's page has its past and future prices; markup is a matter of plans."
      actions={<ButtonLink to="/operator/changes">Changes</ButtonLink>}
    >
      <CatalogueList
        label="Prices"
        list={found}
        shown={shown}
        search={search}
        onSearch={change}
        columns={head}
        rowKey={(one) => one.id}
        filters={<ProviderSelect providers={providers.rows} search={search} onSearch={change} />}
        none="Nothing has a price yet"
        hint="An endpoint is made with its first price."
        missed="No price meets all of these"
      />
      {priced ? <PriceDialog endpoint={priced} onClose={() => price(null)} /> : null}
    </Page>
  );
}
