// Routing decisions as the operators' API tells them. Its documents leave them open: docs/reference/decisions.md and
// docs/reference/routing.md say what they mean, and their shapes are here and nowhere else.

import { queryOptions } from "@tanstack/react-query";

import { admin, document } from "~/api/client";
import { type Paged, pagedQuery } from "~/api/paged";

export interface Summary {
  generation_id: string;
  tenant_id: string;
  at: string;
  catalogue_version: number;
  model: string | null;
  provider: string | null;
  refused: unknown;
}

export interface Considered {
  id: string;
  provider: string;
  tag: string;
  model: string;
  credential_id?: string | null;
  is_byok?: boolean;
  price_per_million?: string | null;
  markup_basis_points?: number | null;
  state?: string;
  latency_ms?: number;
  throughput?: number;
  selected: boolean;
  rank?: string;
  tool_calling?: string;
  is_held?: boolean;
  misses_threshold?: boolean;
  position?: number;
  reason?: string;
}

export interface Draw {
  drawn: string | null;
  shares: { id: string; weight: number; share: number }[];
}

export interface Refusal {
  status: number;
  message: string;
  availability?: { code?: string };
}

export interface Explanation {
  seed: string;
  catalogue_version: number;
  now_ms: number;
  policy?: { max_attempts: number };
  strategy?: string;
  order?: string;
  held?: { endpoint_id: string; credential_id: string | null } | null;
  names: { name: string; model?: string | null; via?: string; reason?: string }[];
  routers?: Record<string, unknown>[];
  draws?: Draw[];
  endpoints: Considered[];
  refused?: Refusal;
}

export interface Decision extends Summary {
  request: Record<string, unknown>;
  inputs: Record<string, unknown>;
  plan: Record<string, unknown> | null;
  explanation: Explanation;
  replay?: { identical: boolean; plan?: unknown };
}

interface Side {
  first_choices: number;
  share: number;
  estimated_cost_nanos: string;
}

export interface Both<T> {
  before: T;
  after: T;
}

interface Choice {
  endpoint_id: string;
  model: string;
  provider: string;
  tag: string;
  estimated_cost_nanos: string | null;
  estimated_latency_ms: number | null;
}

/** What a replay answers. Costs are nano-USD as strings. */
export interface Report {
  decisions: number;
  unreadable: number;
  is_cut?: boolean;
  identical: number;
  first_choice_changed: number;
  order_changed: number;
  refused: Both<number>;
  estimated_cost_nanos: Both<string>;
  estimated_latency_p50_ms: Both<number | null>;
  providers: ({ provider: string } & Both<Side>)[];
  models: ({ model: string } & Both<Side>)[];
  unmatched: string[];
  examples: ({ generation_id: string; at: string; names: string[] } & Both<Choice | null>)[];
}

export interface DecisionsSearch {
  tenant?: string | undefined;
  model?: string | undefined;
  provider?: string | undefined;
  since?: string | undefined;
}

export const SEARCHED = ["tenant", "model", "provider", "since"] as const;

export function decisionsSearch(raw: Record<string, unknown>): DecisionsSearch {
  const search: DecisionsSearch = {};
  for (const name of SEARCHED) {
    const value = raw[name];
    if (typeof value === "string" && value.trim() !== "") search[name] = value.trim();
  }
  return search;
}

export const decisionsQuery = (search: DecisionsSearch) =>
  pagedQuery(["operator", "decisions", search], (paging) =>
    document<Paged<Summary>>(admin.GET("/decisions", { params: { query: { ...search, ...paging } } })),
  );

export const decisionQuery = (generation: string) =>
  queryOptions({
    queryKey: ["operator", "decision", generation],
    queryFn: () =>
      document<Decision>(admin.GET("/decisions/{generation}", { params: { path: { generation } } })),
  });
