// Single generations: what is asked of /account/v1/generations, and what the page's filters are there.

import { infiniteQueryOptions } from "@tanstack/react-query";

import { type AccountSchemas, account, answer } from "~/api/client";
import type { operations } from "~/api/generated/account";
import type { Tone } from "~/ui/Note";

import type { Filter, GenerationStatus, Span } from "./search";

export type ListedGeneration = AccountSchemas["ListedGeneration"];
export type GenerationsQuery = NonNullable<operations["listGenerations"]["parameters"]["query"]>;

/** The page's fields that single generations are narrowed by, and what they are called there. */
const NAMES: Record<string, "model" | "provider" | "key" | "person" | "workspace"> = {
  model: "model",
  provider: "provider",
  api_key_id: "key",
  user: "person",
  workspace: "workspace",
};

export interface Asked {
  query: GenerationsQuery;
  /** Fields of filters that do not narrow this list. */
  unheard: string[];
}

export function askedOf(
  span: Pick<Span, "start" | "end">,
  filters: readonly Filter[],
  status: GenerationStatus | undefined,
): Asked {
  const query: GenerationsQuery = { from: span.start.toISOString(), to: span.end.toISOString() };
  const unheard: string[] = [];
  for (const { field, value } of filters) {
    const name = NAMES[field];
    if (name === undefined) unheard.push(field);
    else query[name] = value;
  }
  if (status) query.status = status;
  return { query, unheard };
}

const PAGE = 100;
const REFRESH = 10_000;

export const generationsQuery = (query: GenerationsQuery) =>
  infiniteQueryOptions({
    queryKey: ["generations", query],
    queryFn: ({ pageParam }) => {
      const page = { ...query, limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) };
      return answer(account.GET("/generations", { params: { query: page } }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next ?? null,
    // New ones show up while somebody looks at the newest; who reads on is left in peace.
    refetchInterval: (asked) => (asked.state.data?.pages.length === 1 ? REFRESH : false),
  });

export const STATUSES: { value: GenerationStatus; label: string; tone: Tone }[] = [
  { value: "ok", label: "answered", tone: "good" },
  { value: "error", label: "error", tone: "bad" },
  { value: "partial", label: "broke off", tone: "warn" },
  { value: "cancelled", label: "client left", tone: "warn" },
];
