import { useQueries, useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { perMillion } from "~/format/money";
import { count, duration, throughput } from "~/format/number";
import { ButtonLink } from "~/ui/Button";
import { Empty, ErrorNote, Loading } from "~/ui/Note";
import { Page } from "~/ui/Page";

import "./models.css";
import { type Endpoint, type Model, endpointsQuery, modelsQuery } from "./models";
import { listOf, priceOf } from "./search";

const route = getRouteApi("/inside/compare");

interface Compared {
  model: Model;
  endpoints: Endpoint[] | undefined;
}

interface Line {
  label: string;
  show: (one: Compared) => ReactNode;
  /** The best is marked. */
  value?: (one: Compared) => number | null | undefined;
  isLessBetter?: boolean;
}

function least(
  endpoints: Endpoint[] | undefined,
  value: (one: Endpoint) => number | undefined,
): number | null {
  const known = (endpoints ?? []).map(value).filter((figure) => figure !== undefined);
  return known.length === 0 ? null : Math.min(...known);
}

function most(
  endpoints: Endpoint[] | undefined,
  value: (one: Endpoint) => number | null | undefined,
): number | null {
  const known = (endpoints ?? []).map(value).filter((figure) => figure !== undefined && figure !== null);
  return known.length === 0 ? null : Math.max(...known);
}

const latency = ({ endpoints }: Compared) => least(endpoints, (one) => one.latency_last_30m?.p50);
const speed = ({ endpoints }: Compared) => most(endpoints, (one) => one.throughput_last_30m?.p50);
const uptime = ({ endpoints }: Compared) => most(endpoints, (one) => one.uptime_last_1d);

const LINES: Line[] = [
  {
    label: "Input / 1M",
    show: ({ model }) => perMillion(model.pricing.prompt),
    value: ({ model }) => priceOf(model.pricing.prompt),
    isLessBetter: true,
  },
  {
    label: "Output / 1M",
    show: ({ model }) => perMillion(model.pricing.completion),
    value: ({ model }) => priceOf(model.pricing.completion),
    isLessBetter: true,
  },
  {
    label: "Cache read / 1M",
    show: ({ model }) => perMillion(model.pricing.input_cache_read),
    value: ({ model }) => priceOf(model.pricing.input_cache_read),
    isLessBetter: true,
  },
  {
    label: "Context",
    show: ({ model }) => count(model.context_length),
    value: ({ model }) => model.context_length,
  },
  {
    label: "Longest answer",
    show: ({ model }) => count(model.top_provider.max_completion_tokens),
    value: ({ model }) => model.top_provider.max_completion_tokens,
  },
  {
    label: "First token, best p50",
    show: (one) => duration(latency(one)),
    value: latency,
    isLessBetter: true,
  },
  { label: "Speed, best p50", show: (one) => throughput(speed(one)), value: speed },
  {
    label: "Uptime, one day, best",
    show: (one) => (uptime(one) === null ? "–" : `${uptime(one)?.toFixed(2)}%`),
    value: uptime,
  },
  {
    label: "Endpoints",
    show: ({ endpoints }) => count(endpoints?.length),
    value: ({ endpoints }) => endpoints?.length,
  },
  { label: "Reads", show: ({ model }) => model.architecture.input_modalities.join(", ") },
  { label: "Writes", show: ({ model }) => model.architecture.output_modalities.join(", ") },
  { label: "Tools", show: ({ model }) => (model.supported_parameters.includes("tools") ? "yes" : "no") },
  {
    label: "Structured outputs",
    show: ({ model }) => (model.supported_parameters.includes("structured_outputs") ? "yes" : "no"),
  },
  {
    label: "Reasoning",
    show: ({ model }) => (model.supported_parameters.includes("reasoning") ? "yes" : "no"),
  },
  { label: "Knows until", show: ({ model }) => model.knowledge_cutoff ?? "–" },
];

/** The best figure of a line, when they differ. */
function bestOf(line: Line, all: Compared[]): number | null {
  const known = all
    .map((one) => line.value?.(one))
    .filter((figure) => figure !== null && figure !== undefined);
  if (known.length < 2 || new Set(known).size === 1) return null;
  return line.isLessBetter ? Math.min(...known) : Math.max(...known);
}

function Comparison({ all }: { all: Compared[] }) {
  return (
    <div className="card scroll">
      <table className="plain-table compare">
        <thead>
          <tr>
            <th scope="col">
              <span className="visually-hidden">Figure</span>
            </th>
            {all.map(({ model }) => (
              <th scope="col" key={model.id}>
                <Link to="/model/$" params={{ _splat: model.id }}>
                  {model.id}
                </Link>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {LINES.map((line) => {
            const best = bestOf(line, all);
            return (
              <tr key={line.label}>
                <th scope="row">{line.label}</th>
                {all.map((one) => {
                  const isBest = best !== null && line.value?.(one) === best;
                  return (
                    <td key={one.model.id} data-best={isBest || undefined}>
                      {line.show(one)}
                      {isBest ? <span className="visually-hidden"> (best)</span> : null}
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

export function ComparePage() {
  const ids = listOf(route.useSearch().models).slice(0, 4);
  const { data: models, error, refetch } = useQuery(modelsQuery);
  const endpoints = useQueries({ queries: ids.map((id) => endpointsQuery(id)) });
  const all = ids.flatMap((id, index): Compared[] => {
    const model = models?.find((one) => one.id === id);
    return model ? [{ model, endpoints: endpoints[index]?.data }] : [];
  });
  return (
    <Page
      title="Compare models"
      about="Prices as you pay them, speed and uptime as measured here."
      actions={
        <ButtonLink kind="primary" to="/playground" search={{ models: ids.join(",") }}>
          Try side by side
        </ButtonLink>
      }
    >
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {!models && !error ? <Loading /> : null}
      {models && all.length === 0 ? (
        <Empty title="Nothing to compare" action={<ButtonLink to="/models">Choose models</ButtonLink>}>
          Tick up to four models in the catalogue.
        </Empty>
      ) : null}
      {all.length > 0 ? <Comparison all={all} /> : null}
    </Page>
  );
}
