import { queryOptions } from "@tanstack/react-query";

import { admin, document } from "~/api/client";
import type { Bucket, Day, Frame } from "~/charts/day";

interface Quantiles {
  p50: number;
  p90: number;
  p99: number;
}

export interface CredentialHealth {
  credential_id: string | null;
  is_platform: boolean;
  state: string;
  ejected_for_ms: number | null;
  cooling_for_ms: number;
  outage: boolean;
  windows: Record<
    "5m" | "30m" | "1d",
    { successes?: number; faults?: number; rate_limits?: number; uptime?: number | null }
  >;
  latency_ms: Record<"5m" | "30m", Quantiles | null>;
  throughput: Record<"5m" | "30m", Quantiles | null>;
  last_seen: string;
  /** Of an endpoint that is asked for alone. */
  day?: Frame & { buckets: Bucket[] };
  history?: { at: string; event: string; cause?: string; until?: string; times?: number }[];
}

/** As /admin/v1/health tells it; its document leaves it open. docs/reference/health.md says what it means. */
export interface EndpointHealth {
  endpoint_id: string;
  model: string;
  provider: string;
  tag: string;
  usable: boolean;
  state: string;
  credentials: CredentialHealth[];
}

const REFRESH = 5_000;

export const healthQuery = queryOptions({
  queryKey: ["operator", "health"],
  queryFn: async () => (await document<{ endpoints: EndpointHealth[] }>(admin.GET("/health"))).endpoints,
  refetchInterval: REFRESH,
});

export const unwellQuery = queryOptions({
  queryKey: ["operator", "health", "unwell"],
  queryFn: async () =>
    (
      await document<{ endpoints: EndpointHealth[] }>(
        admin.GET("/health", { params: { query: { state: "unwell" } } }),
      )
    ).endpoints,
  refetchInterval: REFRESH,
});

export const endpointHealthQuery = (id: string) =>
  queryOptions({
    queryKey: ["operator", "health", id],
    queryFn: async () =>
      (
        await document<{ endpoints: EndpointHealth[] }>(
          admin.GET("/endpoints/{id}/health", { params: { path: { id } } }),
        )
      ).endpoints[0] ?? null,
    refetchInterval: REFRESH,
  });

/** The last day of an endpoint under each of its credentials, the platform's first; `null` = it was never asked. */
export function dayOf(one: EndpointHealth | null): Day | null {
  const known = (one?.credentials ?? []).flatMap(({ day, is_platform, credential_id }) =>
    day ? [{ day, name: is_platform ? "platform" : (credential_id ?? "none"), is_platform }] : [],
  );
  const first = known[0]?.day;
  if (first === undefined) return null;
  const { from, to, bucket_seconds } = first;
  const ordered = known.sort((one, other) => Number(other.is_platform) - Number(one.is_platform));
  const lines = ordered.map(({ name, day }) => ({ name, buckets: day.buckets }));
  return { frame: { from, to, bucket_seconds }, lines };
}

export const platformOf = (one: EndpointHealth): CredentialHealth | undefined =>
  one.credentials.find((credential) => credential.is_platform);

export const STATE_TONES: Record<string, "good" | "warn" | "bad"> = {
  healthy: "good",
  ejected: "bad",
  half_open: "warn",
  recovering: "warn",
  cooling: "warn",
};

/** The list with one endpoint in another state. */
export const withState = (all: EndpointHealth[], id: string, state: string): EndpointHealth[] =>
  all.map((one) => (one.endpoint_id === id ? { ...one, state } : one));
