// Questions to /analytics/query and what their answers say.

import { queryOptions } from "@tanstack/react-query";

import { type Schemas, answer, api } from "~/api/client";
import { MOST_SERIES, type Point, bucketOf, buckets, columnsOf } from "~/charts/series";
import { usd } from "~/format/money";
import { compact, duration, percent, throughput } from "~/format/number";

import { type Dimension, type Filter, type Metric, type Span } from "./search";

export type Row = Record<string, string | number | boolean | null>;

export const LABELS: Record<Dimension, string> = {
  model: "Model",
  provider: "Provider",
  api_key_id: "Key",
  user: "Member",
  workspace: "Workspace",
  app: "App",
};

/** The member of a row that a filter takes, where that is not the label itself. */
const IDS: Partial<Record<Dimension, string>> = {
  api_key_id: "api_key_hash",
  user: "user_id",
  workspace: "workspace_id",
};

interface MetricFacts {
  label: string;
  say: (value: number) => string;
  /** Sums stack; means and shares are lines. */
  adds: boolean;
}

export const METRIC_FACTS: Record<Metric, MetricFacts> = {
  total_usage: { label: "Spend", say: usd, adds: true },
  request_count: { label: "Requests", say: compact, adds: true },
  tokens_total: { label: "Tokens", say: compact, adds: true },
  error_rate: { label: "Error rate", say: (value) => percent(value), adds: false },
  avg_latency: { label: "Latency", say: duration, adds: false },
  avg_throughput: { label: "Throughput", say: throughput, adds: false },
};

type Question = Schemas["AnalyticsQuery"];

const filtersFor = (filters: readonly Filter[]): Schemas["AnalyticsFilter"][] =>
  filters.map(({ field, value }) => ({ field, operator: "eq", value }));

const timeOf = ({ start, end }: Span) => ({ start: start.toISOString(), end: end.toISOString() });

async function ask(question: Question): Promise<{ rows: Row[]; warnings: string[]; isTruncated: boolean }> {
  const { data } = await answer(api.POST("/analytics/query", { body: question }));
  return { rows: data.data as Row[], warnings: data.warnings ?? [], isTruncated: data.metadata.truncated };
}

const questionQuery = (name: string, question: Question) =>
  queryOptions({
    queryKey: ["analytics", name, question],
    queryFn: () => ask(question),
    placeholderData: (before) => before,
    refetchInterval: 10_000,
  });

/** Means of times are asked for so long at most. */
const MONTH = 31 * 86_400_000;

/** The sums of the whole time. */
export const totalsQuery = (span: Span, filters: readonly Filter[]) =>
  questionQuery("totals", {
    metrics: [
      "total_usage",
      "request_count",
      "error_rate",
      "tokens_total",
      "cached_tokens",
      "cache_hit_rate",
      "byok_usage",
    ],
    filters: filtersFor(filters),
    time_range: timeOf(span),
  });

export const seriesQuery = (span: Span, by: Dimension, metric: Metric, filters: readonly Filter[]) =>
  questionQuery("series", {
    metrics: [metric],
    dimensions: [by],
    granularity: span.granularity,
    filters: filtersFor(filters),
    time_range: timeOf(span),
    limit: 10_000,
    top: MOST_SERIES - 1,
  });

export const tableQuery = (span: Span, by: Dimension, filters: readonly Filter[]) =>
  questionQuery("table", {
    metrics: [
      "total_usage",
      "request_count",
      "tokens_prompt",
      "tokens_completion",
      "error_rate",
      ...(span.end.getTime() - span.start.getTime() > MONTH ? [] : ["avg_latency", "avg_throughput"]),
    ],
    dimensions: [by],
    filters: filtersFor(filters),
    time_range: timeOf(span),
    order_by: { field: "total_usage", direction: "desc" },
    limit: 1000,
  });

export const textIn = (row: Row, name: string): string | null => {
  const value = row[name];
  return value === null || value === undefined ? null : String(value);
};
export const numberIn = (row: Row, name: string): number | null => {
  const value = row[name];
  return typeof value === "number" ? value : null;
};

/** The value that a filter for a row's group takes; null when the usage has none. */
export const filterValueIn = (row: Row, by: Dimension): string | null => textIn(row, IDS[by] ?? by);

const bucketIn = (row: Row, span: Span): string | null => textIn(row, `date__${span.granularity}`);

const NONE = "(none)";

export function chartOf(rows: readonly Row[], span: Span, by: Dimension, metric: Metric) {
  const points = rows.flatMap((row): Point[] => {
    const bucket = bucketIn(row, span);
    const value = numberIn(row, metric);
    if (bucket === null || value === null) return [];
    return [
      {
        at: bucketOf(Date.parse(bucket) / 1000, span.granularity),
        name: textIn(row, by) ?? NONE,
        value,
        isRest: row["is_rest"] === true,
      },
    ];
  });
  const times = buckets(span.start.getTime() / 1000, span.end.getTime() / 1000, span.granularity);
  // Means do not add up: rather fewer groups than a rest that says nothing true.
  const { adds } = METRIC_FACTS[metric];
  const columns = columnsOf(points, times);
  return adds ? columns : { ...columns, series: columns.series.filter((one) => !one.isRest) };
}
