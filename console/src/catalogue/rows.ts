// The catalogue as operators read it. Its documents leave the rows open: docs/reference/admin-catalogue.md says what they
// mean, and their shapes are here and nowhere else.

import {
  type QueryKey,
  type UseInfiniteQueryResult,
  infiniteQueryOptions,
  queryOptions,
} from "@tanstack/react-query";
import { useEffect, useMemo } from "react";

import { admin, document } from "~/api/client";
import { errorOf } from "~/api/errors";

import type { Price } from "./rates";

export type Members = Record<string, unknown>;

export interface Timeouts {
  connect_ms: number | null;
  first_token_ms: number | null;
  stall_ms: number | null;
  total_ms: number | null;
}

export interface Provider {
  slug: string;
  name: string;
  dialect: string;
  base_url: string;
  quirks: Members;
  credential_env: string | null;
  credential_required: boolean;
  /** The id of the sealed credential that operators set; the environment's is not told. */
  credential: unknown;
  cancel_stops_billing: boolean;
  collects_data: boolean | null;
  zero_data_retention: boolean | null;
  headquarters: string | null;
  datacenters: string[];
  privacy_policy_url: string | null;
  terms_of_service_url: string | null;
  status_page_url: string | null;
  simulated: boolean;
  disabled: boolean;
  timeouts: Timeouts;
}

export interface Standing {
  state: string;
  ejected_for_ms: number | null;
  cooling_for_ms: number;
  outage: boolean;
  uptime: string;
  latency_ms: number;
  throughput: number;
  successes: number;
  faults: number;
  rate_limits: number;
}

export interface PriceInEffect extends Price {
  id: string;
}

export interface Endpoint {
  id: string;
  model: string;
  tag: string;
  provider: string;
  provider_model: string;
  dialect: string;
  base_url: string;
  context_length: number;
  max_output: number | null;
  quantization: string | null;
  service_tier: string | null;
  region: string | null;
  collects_data: boolean | null;
  zero_data_retention: boolean | null;
  implicit_caching: boolean;
  quirks: Members;
  timeouts: Timeouts;
  deprecation_date: string | null;
  supported_parameters: string[] | null;
  credential_id: string | null;
  disabled: boolean;
  simulated: boolean;
  usable: boolean;
  unusable_because: string | null;
  price: PriceInEffect | null;
  health: Standing;
}

export interface Model {
  slug: string;
  canonical_slug: string;
  name: string;
  /** Unix seconds. */
  created: number;
  aliases: string[];
  context_length: number;
  max_output: number | null;
  input_modalities: string[];
  output_modalities: string[];
  supported_parameters: string[];
  tokenizer: string | null;
  hugging_face_id: string | null;
  family: string | null;
  distillable: boolean | null;
  knowledge_cutoff: string | null;
  default_parameters: Members | null;
  scores: Record<string, number>;
  scores_source: string | null;
  quirks: Members;
  first_token_ms: number | null;
  disabled: boolean;
  endpoints: Endpoint[];
}

export type PriceState = "upcoming" | "in_effect" | "past" | "withdrawn";

/** A price that an endpoint had, has or is to have. */
export interface PriceVersion extends PriceInEffect {
  state: PriceState;
  source: string;
  effective_at: string;
  created_at: string;
  withdrawn_at: string | null;
}

export interface Change {
  id: number;
  catalogue_version: number;
  at: string;
  actor: string;
  action: string;
  subject: string;
  before: Members | null;
  after: Members | null;
}

/** What a dry run says that a change would do. */
export interface Preview {
  dry_run: true;
  id: string;
  action: string;
  catalogue_version: number;
  changes: Record<string, { from: unknown; to: unknown }>;
  warnings: string[];
  price?: { from: Price | null; to: Price; effective_at: string | null };
  rank?: { model: string | null; from: number | null; to: number | null; of: number };
}

/** Where a change is. */
export interface Done {
  id: string;
  catalogue_version: number;
}

interface Rows<T> {
  version: number;
  data: T[];
  next: string | null;
}

// Small enough that a page is answered at once, large enough that a thousand rows are a few of them.
const PAGE = 200;

function wholeOptions<T>(key: QueryKey, read: (page: { after?: string; limit: number }) => Promise<unknown>) {
  return infiniteQueryOptions({
    queryKey: ["catalogue", ...key],
    queryFn: async ({ pageParam }) =>
      (await read({ limit: PAGE, ...(pageParam === null ? {} : { after: pageParam }) })) as Rows<T>,
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next ?? null,
    staleTime: 15_000,
  });
}

export const providersQuery = wholeOptions<Provider>(["providers"], (query) =>
  document(admin.GET("/providers", { params: { query } })),
);
export const catalogueModelsQuery = wholeOptions<Model>(["models"], (query) =>
  document(admin.GET("/models", { params: { query } })),
);
export const endpointsQuery = (of: { provider?: string; model?: string } = {}) =>
  wholeOptions<Endpoint>(["endpoints", of], (query) =>
    document(admin.GET("/endpoints", { params: { query: { ...query, ...of } } })),
  );

export interface Whole<T> {
  /** What is there so far; undefined before the first page. */
  rows: T[] | undefined;
  isWhole: boolean;
  error: Error | null;
  retry: () => void;
}

/** Every page of a list, one after the other: the first is shown while the others come. */
export function useWhole<T>(list: UseInfiniteQueryResult<{ pages: Rows<T>[] }>): Whole<T> {
  const { data, hasNextPage, isFetching, error, fetchNextPage, refetch } = list;
  const read = data?.pages.length;
  useEffect(() => {
    // An answer that is there at once changes nothing but how many pages were read.
    if (hasNextPage && !isFetching && error === null) void fetchNextPage();
  }, [read, hasNextPage, isFetching, error, fetchNextPage]);
  const rows = useMemo(() => data?.pages.flatMap((page) => page.data), [data]);
  return { rows, isWhole: rows !== undefined && !hasNextPage, error, retry: () => void refetch() };
}

/** A row with the tag that a change of it is sent with. */
export interface Tagged<T> {
  row: T;
  tag: string | null;
}

interface Outcome {
  data?: unknown;
  error?: unknown;
  response: Response;
}

async function tagged<T>(call: Promise<Outcome>): Promise<Tagged<T>> {
  const { data, error, response } = await call;
  if (!response.ok) throw errorOf(error, response.status, response.headers);
  return { row: (data as { data: T }).data, tag: response.headers.get("etag") };
}

export const readProvider = (slug: string) =>
  tagged<Provider>(admin.GET("/providers/{slug}", { params: { path: { slug } } }));
export const readEndpoint = (id: string) =>
  tagged<Endpoint>(admin.GET("/endpoints/{id}", { params: { path: { id } } }));
/** `author/name`, as paths have it. */
export function modelPath(slug: string): { author: string; name: string } {
  const [author = "", ...name] = slug.split("/");
  return { author, name: name.join("/") };
}
export const readModel = (slug: string) =>
  tagged<Model>(admin.GET("/models/{author}/{name}", { params: { path: modelPath(slug) } }));

export const providerQuery = (slug: string) =>
  queryOptions({
    queryKey: ["catalogue", "provider", slug],
    queryFn: async () => (await readProvider(slug)).row,
  });
export const endpointQuery = (id: string) =>
  queryOptions({
    queryKey: ["catalogue", "endpoint", id],
    queryFn: async () => (await readEndpoint(id)).row,
  });
export const catalogueModelQuery = (slug: string) =>
  queryOptions({ queryKey: ["catalogue", "model", slug], queryFn: async () => (await readModel(slug)).row });

export const pricesQuery = (endpoint: string) =>
  queryOptions({
    queryKey: ["catalogue", "prices", endpoint],
    queryFn: async () =>
      (await document<{ data: PriceVersion[] }>(admin.GET("/prices", { params: { query: { endpoint } } })))
        .data,
  });

export const changesQuery = (subject: string | undefined) =>
  infiniteQueryOptions({
    queryKey: ["catalogue", "changes", subject ?? null],
    queryFn: ({ pageParam }) =>
      document<{ data: Change[]; next: number | string | null }>(
        admin.GET("/changes", {
          params: {
            query: {
              limit: 100,
              ...(subject === undefined ? {} : { subject }),
              ...(pageParam === null ? {} : { after: pageParam as never }),
            },
          },
        }),
      ),
    initialPageParam: null as number | string | null,
    getNextPageParam: (page) => page.next ?? null,
  });
