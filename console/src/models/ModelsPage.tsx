import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useDeferredValue, useMemo } from "react";

import { perMillion } from "~/format/money";
import { compact, count } from "~/format/number";
import { Button, ButtonLink } from "~/ui/Button";
import { Empty, ErrorNote, Loading } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { type Column, Table } from "~/ui/Table";

import { Filters } from "./Filters";
import "./models.css";
import { type Model, modelsQuery } from "./models";
import {
  type ModelsSearch,
  authorOf,
  filtered,
  listOf,
  modelsSearch,
  priceOf,
  sortOf,
  sortingOf,
  toggled,
} from "./search";

const route = getRouteApi("/inside/models");
/** Models side by side, and in the playground. */
const MOST_PICKED = 4;

function columns(picked: string[], onPick: (id: string) => void): Column<Model>[] {
  return [
    {
      id: "pick",
      head: <span className="visually-hidden">Compare</span>,
      width: "44px",
      cell: (model) => (
        <input
          type="checkbox"
          aria-label={`Compare ${model.id}`}
          checked={picked.includes(model.id)}
          disabled={picked.length >= MOST_PICKED && !picked.includes(model.id)}
          onChange={() => onPick(model.id)}
        />
      ),
    },
    {
      id: "name",
      isLead: true,
      head: "Model",
      width: "minmax(220px, 3fr)",
      value: (model) => model.id,
      cell: (model) => (
        <div className="model-name">
          <Link to="/model/$" params={{ _splat: model.id }}>
            {model.name}
          </Link>
          <span className="soft mono cut">{model.id}</span>
        </div>
      ),
    },
    {
      id: "author",
      head: "Author",
      width: "minmax(110px, 1fr)",
      value: authorOf,
      cell: (model) => <span className="soft">{authorOf(model)}</span>,
    },
    {
      id: "context",
      head: "Context",
      width: "100px",
      align: "right",
      value: (model) => model.context_length,
      cell: (model) => compact(model.context_length),
    },
    {
      id: "price",
      head: "Input / 1M",
      width: "115px",
      align: "right",
      value: (model) => priceOf(model.pricing.prompt),
      cell: (model) => perMillion(model.pricing.prompt),
    },
    {
      id: "output",
      head: "Output / 1M",
      width: "115px",
      align: "right",
      value: (model) => priceOf(model.pricing.completion),
      // What writes no tokens has no price of them.
      cell: (model) =>
        model.architecture.output_modalities.includes("text") || Number(model.pricing.completion) !== 0
          ? perMillion(model.pricing.completion)
          : "–",
    },
    {
      id: "cache",
      head: "Cache read",
      width: "115px",
      align: "right",
      value: (model) => priceOf(model.pricing.input_cache_read),
      cell: (model) => perMillion(model.pricing.input_cache_read),
    },
    {
      id: "reads",
      head: "Reads",
      width: "minmax(120px, 1fr)",
      value: (model) => model.architecture.input_modalities.length,
      cell: (model) => <span className="soft">{model.architecture.input_modalities.join(", ")}</span>,
    },
    {
      id: "released",
      head: "Released",
      width: "125px",
      align: "right",
      value: (model) => model.created || null,
      cell: (model) => (model.created ? new Date(model.created * 1000).toISOString().slice(0, 10) : "–"),
    },
  ];
}

function PickBar({ picked, onClear }: { picked: string[]; onClear: () => void }) {
  const models = picked.join(",");
  return (
    <div className="pick-bar" role="region" aria-label="Picked models">
      <span>
        {picked.length} of {MOST_PICKED} picked
      </span>
      <ButtonLink kind="primary" size="small" to="/compare" search={{ models }}>
        Compare
      </ButtonLink>
      <ButtonLink size="small" to="/playground" search={{ models }}>
        Try side by side
      </ButtonLink>
      <Button kind="quiet" size="small" onClick={onClear}>
        Clear
      </Button>
    </div>
  );
}

export function ModelsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { data: models, error, refetch } = useQuery(modelsQuery);
  const deferred = useDeferredValue(search);
  const shown = useMemo(() => filtered(models ?? [], deferred), [models, deferred]);
  const picked = listOf(search.picked);

  function change(changes: ModelsSearch): void {
    void navigate({ search: (old) => modelsSearch({ ...old, ...changes }), replace: true });
  }

  return (
    <Page
      isList
      title="Models"
      about="Every model that can be called now. Prices are yours: what is listed is what is charged."
      actions={
        <span className="soft number" aria-live="polite">
          {models ? `${count(shown.length)} of ${count(models.length)}` : ""}
        </span>
      }
    >
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {models ? (
        <>
          <Filters models={models} search={search} onChange={change} />
          <Table
            label="Models"
            rows={shown}
            columns={columns(picked, (id) => change({ picked: toggled(search.picked, id) }))}
            rowKey={(model) => model.id}
            rowHeight={58}
            sorting={sortingOf(search.sort)}
            onSort={(sorting) => change({ sort: sortOf(sorting) })}
            empty={
              models.length === 0 ? (
                <Empty title="No model can be called">
                  An operator has to give a provider a credential and a price first.
                </Empty>
              ) : (
                <Empty
                  title="No model meets all of these"
                  action={<Button onClick={() => void navigate({ search: {} })}>Clear the filters</Button>}
                >
                  {models.length} models are in the catalogue.
                </Empty>
              )
            }
          />
        </>
      ) : error ? null : (
        <Loading lines={12} />
      )}
      {picked.length > 0 ? <PickBar picked={picked} onClear={() => change({ picked: undefined })} /> : null}
    </Page>
  );
}
