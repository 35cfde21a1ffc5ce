// The catalogue as the public API lists it. Its document leaves these answers open, so their shapes are written here;
// docs/reference/catalogue-api.md says what the values mean.

import { queryOptions } from "@tanstack/react-query";

import { api, document } from "~/api/client";
import type { Bucket, Day, Frame } from "~/charts/day";

/** USD per token or unit, as decimal texts. `-1` = that of the model that a router chooses. */
export interface Pricing {
  prompt: string;
  completion: string;
  request?: string;
  image?: string;
  audio?: string;
  web_search?: string;
  internal_reasoning?: string;
  input_cache_read?: string;
  input_cache_write?: string;
  input_cache_write_1h?: string;
  overrides?: (Partial<Pricing> & { min_prompt_tokens?: number; utc_start?: number; utc_end?: number })[];
}

export interface Model {
  id: string;
  canonical_slug: string;
  name: string;
  description?: string;
  /** Seconds since 1970. */
  created: number;
  context_length: number | null;
  architecture: {
    input_modalities: string[];
    output_modalities: string[];
    tokenizer?: string;
    modality?: string | null;
  };
  pricing: Pricing;
  top_provider: {
    context_length?: number | null;
    max_completion_tokens?: number | null;
    is_moderated: boolean;
  };
  supported_parameters: string[];
  expiration_date?: string | null;
  knowledge_cutoff?: string | null;
  hugging_face_id?: string | null;
  alias_target?: { name: string; slug: string };
}

export interface Percentiles {
  p50: number;
  p75: number;
  p90: number;
  p99: number;
}

export interface Endpoint {
  name: string;
  tag: string;
  provider_name: string;
  context_length: number;
  max_completion_tokens: number | null;
  quantization: string | null;
  pricing: Pricing;
  supported_parameters: string[];
  supports_implicit_caching: boolean;
  service_tier?: string | null;
  status?: number;
  /** Percent. */
  uptime_last_5m: number | null;
  uptime_last_30m: number | null;
  uptime_last_1d: number | null;
  /** Milliseconds to the first token. */
  latency_last_30m: Percentiles | null;
  /** Tokens per second. */
  throughput_last_30m: Percentiles | null;
}

export interface ModelWithEndpoints extends Omit<Model, "pricing" | "top_provider"> {
  endpoints: Endpoint[];
}

/** Every model, whatever it gives out: filters work on these without asking again. */
export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: async () => {
    const asked = api.GET("/models", { params: { query: { output_modalities: "all" } } });
    return (await document<{ data: Model[] }>(asked)).data;
  },
  staleTime: 60_000,
});

/** The two parts of a model's id: only the first slash separates. */
export function partsOf(id: string): { author: string; slug: string } {
  const at = id.indexOf("/");
  return at === -1 ? { author: "", slug: id } : { author: id.slice(0, at), slug: id.slice(at + 1) };
}

export const modelQuery = (id: string) =>
  queryOptions({
    queryKey: ["models", id],
    queryFn: async () =>
      (await document<{ data: Model }>(api.GET("/model/{author}/{slug}", { params: { path: partsOf(id) } })))
        .data,
    staleTime: 60_000,
  });

export const endpointsQuery = (id: string) =>
  queryOptions({
    queryKey: ["models", id, "endpoints"],
    queryFn: async () => {
      const asked = api.GET("/models/{author}/{slug}/endpoints", { params: { path: partsOf(id) } });
      return (await document<{ data: ModelWithEndpoints }>(asked)).data.endpoints;
    },
    refetchInterval: 30_000,
  });

type History = Frame & { endpoints: { tag: string; buckets: Bucket[] }[] };

/** The last day of a model's endpoints. */
export const historyQuery = (id: string) =>
  queryOptions({
    queryKey: ["models", id, "history"],
    queryFn: async (): Promise<Day> => {
      const asked = api.GET("/models/{author}/{slug}/endpoints/history", { params: { path: partsOf(id) } });
      const { endpoints, from, to, bucket_seconds } = (await document<{ data: History }>(asked)).data;
      const lines = endpoints.map(({ tag, buckets }) => ({ name: tag, buckets }));
      return { frame: { from, to, bucket_seconds }, lines };
    },
    refetchInterval: 60_000,
  });

/** How an endpoint does, in words. */
export function statusOf(status: number | undefined): { label: string; tone: "good" | "warn" | "bad" } {
  switch (status ?? 0) {
    case 0:
      return { label: "serves", tone: "good" };
    case -1:
      return { label: "degraded", tone: "warn" };
    case -2:
      return { label: "poor", tone: "warn" };
    case -3:
      return { label: "cools down", tone: "warn" };
    case -5:
      return { label: "ejected", tone: "bad" };
    case -10:
      return { label: "no credential", tone: "bad" };
    default:
      return { label: `status ${status}`, tone: "warn" };
  }
}
