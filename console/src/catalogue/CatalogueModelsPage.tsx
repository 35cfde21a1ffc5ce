import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useState } from "react";

import { compact, count } from "~/format/number";
import { Button } from "~/ui/Button";
import { Badge } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { type Column } from "~/ui/Table";

import { CatalogueList, ShowSelect } from "./CatalogueList";
import { MembersDialog } from "./MembersDialog";
import { MODEL } from "./fields";
import { formOf } from "./members";
import { type ClassName, classOf, dollars, picosOf } from "./rates";
import { type Model, catalogueModelsQuery, useWhole } from "./rows";
import { type CatalogueSearch, type Show, catalogueSearch, matches } from "./search";
import { makeModel } from "./write";

const route = getRouteApi("/inside/operator/models");

const usable = (model: Model): number => model.endpoints.filter((one) => one.usable).length;

/** The lowest rate of a class among the endpoints that can be used. */
export function cheapest(model: Model, name: ClassName): bigint | null {
  let lowest: bigint | null = null;
  for (const one of model.endpoints) {
    const picos = one.usable ? picosOf(one.price?.base[name] ?? "") : null;
    if (picos !== null && (lowest === null || picos < lowest)) lowest = picos;
  }
  return lowest;
}

/** The earliest last day of its endpoints, where all of them have one. */
function lastDay(model: Model): string | null {
  const days = model.endpoints.filter((one) => !one.disabled).map((one) => one.deprecation_date);
  if (days.length === 0 || days.includes(null)) return null;
  return (days as string[]).sort().at(-1) ?? null;
}

export function ModelBadge({ of }: { of: Model }) {
  if (of.disabled) return <Badge>switched off</Badge>;
  if (usable(of) === 0) return <Badge tone="bad">nobody serves it</Badge>;
  const last = lastDay(of);
  if (last !== null) return <Badge tone="warn">until {last}</Badge>;
  return <Badge tone="good">in use</Badge>;
}

function isShown(model: Model, search: CatalogueSearch): boolean {
  const shows: Record<Show, boolean> = {
    used: !model.disabled && usable(model) > 0,
    unusable: !model.disabled && usable(model) === 0,
    unwell: model.endpoints.some((one) => one.usable && one.health.state !== "healthy"),
    off: model.disabled,
    deprecated: lastDay(model) !== null,
  };
  return (
    (search.show === undefined || shows[search.show]) &&
    matches(search.q, model.slug, model.name, model.family, ...model.aliases)
  );
}

const priceColumn = (name: ClassName): Column<Model> => ({
  id: name,
  head: `${classOf(name).label} from`,
  width: "110px",
  align: "right",
  value: (one) => {
    const picos = cheapest(one, name);
    return picos === null ? null : Number(picos);
  },
  cell: (one) => dollars(cheapest(one, name), classOf(name)),
});

const COLUMNS: Column<Model>[] = [
  {
    id: "name",
    head: "Model",
    width: "minmax(220px, 3fr)",
    value: (one) => one.name,
    cell: (one) => (
      <div className="stack-tight">
        <Link to="/operator/model/$" params={{ _splat: one.slug }} className="cut">
          {one.name}
        </Link>
        <span className="soft mono cut">{one.slug}</span>
      </div>
    ),
  },
  {
    id: "state",
    head: "State",
    width: "140px",
    value: (one) => `${Number(one.disabled)}${Number(usable(one) === 0)}`,
    cell: (one) => <ModelBadge of={one} />,
  },
  {
    id: "endpoints",
    head: "Endpoints",
    width: "100px",
    align: "right",
    value: (one) => one.endpoints.length,
    cell: (one) => (
      <span title="usable of all">
        {count(usable(one))} <span className="soft">of {count(one.endpoints.length)}</span>
      </span>
    ),
  },
  priceColumn("input"),
  priceColumn("output"),
  {
    id: "context",
    head: "Context",
    width: "85px",
    align: "right",
    value: (one) => one.context_length,
    cell: (one) => compact(one.context_length),
  },
  {
    id: "kinds",
    head: "Reads, writes",
    width: "minmax(180px, 1fr)",
    cell: (one) => (
      <span className="soft">
        {one.input_modalities.join(", ")} → {one.output_modalities.join(", ")}
      </span>
    ),
  },
  {
    id: "aliases",
    head: "Aliases",
    width: "80px",
    align: "right",
    value: (one) => one.aliases.length,
    cell: (one) => <span title={one.aliases.join(", ")}>{one.aliases.length || "–"}</span>,
  },
  {
    id: "created",
    head: "Released",
    width: "115px",
    align: "right",
    value: (one) => one.created || null,
    cell: (one) => (one.created ? new Date(one.created * 1000).toISOString().slice(0, 10) : "–"),
  },
];

const SHOWN: { value: Show | ""; label: string }[] = [
  { value: "", label: "All" },
  { value: "used", label: "In use" },
  { value: "unusable", label: "Nobody serves it" },
  { value: "unwell", label: "Some endpoint is not well" },
  { value: "deprecated", label: "With a last day" },
  { value: "off", label: "Switched off" },
];

export function CatalogueModelsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const found = useWhole(useInfiniteQuery(catalogueModelsQuery));
  const [isAsked, ask] = useState(false);
  const deferred = useDeferredValue(search);
  const shown = useMemo(() => found.rows?.filter((one) => isShown(one, deferred)), [found.rows, deferred]);
  const change = (changes: CatalogueSearch) =>
    void navigate({ search: (old) => catalogueSearch({ ...old, ...changes }), replace: true });
  return (
    <Page
      title="Catalogue"
      about="Every model there is, also those that nobody can ask for now. Prices are what the platform pays, per million tokens."
      actions={
        <Button kind="primary" onClick={() => ask(true)}>
          New model
        </Button>
      }
    >
      <CatalogueList
        label="Models"
        list={found}
        shown={shown}
        search={search}
        onSearch={change}
        columns={COLUMNS}
        rowKey={(one) => one.slug}
        filters={<ShowSelect options={SHOWN} search={search} onSearch={change} />}
        none="There is no model yet"
        missed="No model meets all of these"
      />
      {isAsked ? (
        <MembersDialog
          title="New model"
          isNew
          groups={MODEL}
          before={formOf(MODEL, {})}
          onSend={makeModel}
          onDone={(done) => void navigate({ to: "/operator/model/$", params: { _splat: done.id } })}
          onClose={() => ask(false)}
        />
      ) : null}
    </Page>
  );
}
