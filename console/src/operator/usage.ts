// The whole platform's usage, as operators see it. Amounts are strings; sums are made of integers.

import { queryOptions } from "@tanstack/react-query";

import { admin, document } from "~/api/client";
import { type Granularity, type Point, bucketOf } from "~/charts/series";
import { nanoOf } from "~/format/money";

export interface UsagePoint {
  start: string;
  requests: number;
  errors: number;
  cancelled: number;
  attempts: number;
  charge: string;
  absorbed: string;
  provider_cost: string;
  latency_ms: number;
  model?: string | null;
  provider?: string | null;
  tenant_id?: string | null;
  /** Of the groups that are not among the top. */
  is_rest?: boolean;
}

export type Group = "model" | "provider" | "tenant";
export const GROUPS: { value: Group; label: string }[] = [
  { value: "model", label: "by model" },
  { value: "provider", label: "by provider" },
  { value: "tenant", label: "by tenant" },
];

export interface Asked {
  since: string;
  until: string;
  grain: "hour" | "day" | "all";
  group?: Group;
  /** Of groups: so many are told apart, those with the most of it. */
  top?: { groups: number; by: Measure };
  tenant?: string;
}

export const usageQuery = ({ since, until, grain, group, top, tenant }: Asked) =>
  queryOptions({
    queryKey: ["operator", "usage", since, until, grain, group, top, tenant],
    queryFn: () =>
      document<{ data: UsagePoint[]; truncated: boolean }>(
        admin.GET("/usage/series", {
          params: {
            query: {
              since,
              until,
              grain,
              ...(group ? { group_by: group } : {}),
              ...(top ? { top: top.groups, top_by: top.by } : {}),
              ...(tenant ? { tenant } : {}),
            },
          },
        }),
      ),
    placeholderData: (before) => before,
    refetchInterval: 15_000,
  });

export interface Sums {
  requests: number;
  errors: number;
  latency: number | null;
  charge: bigint;
  cost: bigint;
  margin: bigint;
}

export function sumsOf(points: readonly UsagePoint[]): Sums {
  let [requests, errors, latency] = [0, 0, 0];
  let [charge, cost] = [0n, 0n];
  for (const point of points) {
    requests += point.requests;
    errors += point.errors;
    latency += point.latency_ms;
    charge += nanoOf(point.charge) ?? 0n;
    cost += nanoOf(point.provider_cost) ?? 0n;
  }
  return {
    requests,
    errors,
    latency: requests === 0 ? null : latency / requests,
    charge,
    cost,
    margin: charge - cost,
  };
}

export type Measure = "charge" | "provider_cost" | "requests" | "errors";

const nameIn = (point: UsagePoint, group: Group): string =>
  (group === "tenant" ? point.tenant_id : point[group]) ?? "(none)";

export function pointsOf(
  points: readonly UsagePoint[],
  group: Group,
  measure: Measure,
  granularity: Granularity,
  names: ReadonlyMap<string, string>,
): Point[] {
  return points.map((point) => {
    const name = nameIn(point, group);
    const value =
      measure === "charge" || measure === "provider_cost" ? Number(point[measure]) : point[measure];
    return {
      at: bucketOf(Date.parse(point.start) / 1000, granularity),
      name: names.get(name) ?? name,
      value,
      ...(point.is_rest ? { isRest: true } : {}),
    };
  });
}
