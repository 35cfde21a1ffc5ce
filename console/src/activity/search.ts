// What the activity shows, as the address holds it.

import type { AccountSchemas } from "~/api/client";
import type { Granularity } from "~/charts/series";

export const RANGES = ["1h", "24h", "7d", "30d", "90d", "1y"] as const;
export type Range = (typeof RANGES)[number];

export const DIMENSIONS = ["model", "provider", "api_key_id", "user", "workspace", "app"] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export const METRICS = [
  "total_usage",
  "request_count",
  "tokens_total",
  "error_rate",
  "avg_latency",
  "avg_throughput",
] as const;
export type Metric = (typeof METRICS)[number];

export type GenerationStatus = AccountSchemas["GenerationStatus"];

const OUTCOMES: readonly GenerationStatus[] = ["ok", "error", "partial", "cancelled"];

export interface ActivitySearch {
  range?: Range | undefined;
  by?: Dimension | undefined;
  metric?: Metric | undefined;
  /** `field:value` apart by commas; values are percent-encoded. */
  filters?: string | undefined;
  /** The outcome of the single generations that are listed. */
  status?: GenerationStatus | undefined;
}

export interface Filter {
  field: string;
  value: string;
}

type Raw = Record<string, unknown>;

function oneOf<T extends string>(all: readonly T[], value: unknown): T | undefined {
  return all.find((one) => one === value);
}

export function activitySearch(raw: Raw): ActivitySearch {
  const filters = filtersOf(typeof raw["filters"] === "string" ? raw["filters"] : undefined);
  return {
    range: oneOf(RANGES, raw["range"]),
    by: oneOf(DIMENSIONS, raw["by"]),
    metric: oneOf(METRICS, raw["metric"]),
    filters: textOf(filters),
    status: oneOf(OUTCOMES, raw["status"]),
  };
}

/** Fields that the API can filter by and that this page offers. */
const FIELDS = new Set<string>([...DIMENSIONS, "finish_reason", "external_user", "origin"]);

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** Filters of an address; what is none is left out. */
export function filtersOf(text: string | undefined): Filter[] {
  return (text ?? "").split(",").flatMap((part) => {
    const at = part.indexOf(":");
    const value = at > 0 ? decoded(part.slice(at + 1)) : null;
    const field = part.slice(0, at);
    return value === null || value === "" || !FIELDS.has(field) ? [] : [{ field, value }];
  });
}

export function textOf(filters: readonly Filter[]): string | undefined {
  if (filters.length === 0) return undefined;
  return filters.map(({ field, value }) => `${field}:${encodeURIComponent(value)}`).join(",");
}

const HOUR = 3_600_000;
const SPANS: Record<Range, { milliseconds: number; granularity: Granularity }> = {
  "1h": { milliseconds: HOUR, granularity: "minute" },
  "24h": { milliseconds: 24 * HOUR, granularity: "hour" },
  "7d": { milliseconds: 7 * 24 * HOUR, granularity: "day" },
  "30d": { milliseconds: 30 * 24 * HOUR, granularity: "day" },
  "90d": { milliseconds: 90 * 24 * HOUR, granularity: "week" },
  "1y": { milliseconds: 365 * 24 * HOUR, granularity: "month" },
};

export interface Span {
  start: Date;
  end: Date;
  granularity: Granularity;
}

/** The time that a range means now, to the minute, so that asking again within it is the same question. */
export function spanOf(range: Range, now: Date): Span {
  const end = new Date(Math.ceil(now.getTime() / 60_000) * 60_000);
  const { milliseconds, granularity } = SPANS[range];
  return { start: new Date(end.getTime() - milliseconds), end, granularity };
}

/** Single generations and what is told from them are answered for 31 days at most. */
export function isSingleRange(range: Range): boolean {
  return SPANS[range].milliseconds <= 31 * 24 * HOUR;
}
