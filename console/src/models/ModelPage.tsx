import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { DayCharts } from "~/charts/DayCharts";
import { perMillion, usd } from "~/format/money";
import { compact, count, duration, throughput } from "~/format/number";
import { ButtonLink } from "~/ui/Button";
import { CopyButton } from "~/ui/Copy";
import { Badge, Empty, ErrorNote, Loading } from "~/ui/Note";
import { Card, Facts, Page } from "~/ui/Page";
import { type Column, Table } from "~/ui/Table";

import "./models.css";
import {
  type Endpoint,
  type Model,
  type Pricing,
  endpointsQuery,
  historyQuery,
  modelQuery,
  statusOf,
} from "./models";
import { priceOf } from "./search";

const route = getRouteApi("/inside/model/$");

const uptime = (percent: number | null): string => (percent === null ? "–" : `${percent.toFixed(2)}%`);

const COLUMNS: Column<Endpoint>[] = [
  {
    id: "provider",
    head: "Provider",
    width: "minmax(160px, 2fr)",
    value: (one) => one.provider_name,
    cell: (one) => (
      <div className="model-name">
        <span>{one.provider_name}</span>
        <span className="soft mono">{one.tag}</span>
      </div>
    ),
  },
  {
    id: "status",
    head: "State",
    width: "100px",
    value: (one) => one.status ?? 0,
    cell: (one) => {
      const { label, tone } = statusOf(one.status);
      return <Badge tone={tone}>{label}</Badge>;
    },
  },
  {
    id: "price",
    head: "Input / 1M",
    width: "95px",
    align: "right",
    value: (one) => priceOf(one.pricing.prompt),
    cell: (one) => perMillion(one.pricing.prompt),
  },
  {
    id: "output",
    head: "Output / 1M",
    width: "105px",
    align: "right",
    value: (one) => priceOf(one.pricing.completion),
    cell: (one) => perMillion(one.pricing.completion),
  },
  {
    id: "context",
    head: "Context",
    width: "80px",
    align: "right",
    value: (one) => one.context_length,
    cell: (one) => compact(one.context_length),
  },
  {
    id: "answer",
    head: "Max output",
    width: "100px",
    align: "right",
    value: (one) => one.max_completion_tokens,
    cell: (one) => compact(one.max_completion_tokens),
  },
  {
    id: "uptime30",
    head: "Up 30 min",
    width: "95px",
    align: "right",
    value: (one) => one.uptime_last_30m,
    cell: (one) => uptime(one.uptime_last_30m),
  },
  {
    id: "uptime1d",
    head: "Up 1 day",
    width: "90px",
    align: "right",
    value: (one) => one.uptime_last_1d,
    cell: (one) => uptime(one.uptime_last_1d),
  },
  {
    id: "latency",
    head: "TTFT p50",
    width: "95px",
    align: "right",
    value: (one) => one.latency_last_30m?.p50,
    cell: (one) => duration(one.latency_last_30m?.p50),
  },
  {
    id: "speed",
    head: "Speed p50",
    width: "100px",
    align: "right",
    value: (one) => one.throughput_last_30m?.p50,
    cell: (one) => throughput(one.throughput_last_30m?.p50),
  },
  {
    id: "quantization",
    head: "Weights",
    width: "95px",
    value: (one) => one.quantization,
    cell: (one) => one.quantization ?? "unknown",
  },
];

const PRICES: [keyof Pricing, string, boolean][] = [
  ["prompt", "Input", true],
  ["completion", "Output", true],
  ["internal_reasoning", "Reasoning", true],
  ["input_cache_read", "Cache read", true],
  ["input_cache_write", "Cache write", true],
  ["input_cache_write_1h", "Cache write, 1 hour", true],
  ["audio", "Audio input", true],
  ["image", "An image", false],
  ["request", "A request", false],
  ["web_search", "A web search", false],
];

function Prices({ pricing }: { pricing: Pricing }) {
  const facts = PRICES.filter(
    ([name, , isToken]) => pricing[name] !== undefined && (isToken || Number(pricing[name]) !== 0),
  ).map(([name, label, isToken]): [string, string] => {
    const price = pricing[name] as string;
    return [label, isToken ? `${perMillion(price)} / 1M tokens` : usd(price)];
  });
  return (
    <>
      <Facts facts={facts} />
      {pricing.overrides?.length ? (
        <p className="soft">
          {pricing.overrides.length} other prices apply to long prompts or at certain hours.
        </p>
      ) : null}
    </>
  );
}

function LastDay({ id }: { id: string }) {
  const { data, error, refetch } = useQuery(historyQuery(id));
  if (error) return <ErrorNote error={error} onRetry={() => void refetch()} />;
  return data ? <DayCharts day={data} what="endpoint" /> : <Loading />;
}

function Endpoints({ id }: { id: string }) {
  const { data, error, refetch } = useQuery(endpointsQuery(id));
  if (error) return <ErrorNote error={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading />;
  if (data.length === 0) {
    return (
      <Empty title="No endpoints of its own">A router model chooses another model for each request.</Empty>
    );
  }
  return (
    <>
      <h2>Endpoints</h2>
      <Table
        label="Endpoints"
        rows={data}
        columns={COLUMNS}
        rowKey={(one) => one.tag}
        rowHeight={58}
        isWhole
      />
      <LastDay id={id} />
    </>
  );
}

function About({ model }: { model: Model }) {
  const { input_modalities, output_modalities, tokenizer } = model.architecture;
  return (
    <div className="columns">
      <Card title="Price">
        <Prices pricing={model.pricing} />
      </Card>
      <Card title="About">
        <Facts
          facts={[
            ["Context", `${count(model.context_length)} tokens`],
            ["Longest answer", `${count(model.top_provider.max_completion_tokens)} tokens`],
            ["Reads", input_modalities.join(", ")],
            ["Writes", output_modalities.join(", ")],
            ["Tokenizer", tokenizer ?? "unknown"],
            ["Knows until", model.knowledge_cutoff ?? "unknown"],
            ["Served until", model.expiration_date ?? "no end is known"],
            ["Slug", <span className="mono">{model.canonical_slug}</span>],
          ]}
        />
      </Card>
    </div>
  );
}

export function ModelPage() {
  const id = route.useParams()._splat ?? "";
  const { data: model, error, refetch } = useQuery(modelQuery(id));
  return (
    <Page
      title={model?.name ?? id}
      about={<span className="mono">{id}</span>}
      actions={
        <>
          <CopyButton text={id} label="Copy the id" />
          <ButtonLink kind="primary" to="/playground" search={{ models: id }}>
            Try it
          </ButtonLink>
        </>
      }
    >
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {model ? (
        <>
          {model.alias_target ? <p>Stands for {model.alias_target.name} now.</p> : null}
          {model.description ? <p className="prose">{model.description}</p> : null}
          <About model={model} />
          <Endpoints id={id} />
          <Card title="Parameters">
            <div className="chips">
              {model.supported_parameters.map((name) => (
                <Badge key={name}>{name}</Badge>
              ))}
            </div>
          </Card>
        </>
      ) : error ? null : (
        <Loading lines={8} />
      )}
    </Page>
  );
}
