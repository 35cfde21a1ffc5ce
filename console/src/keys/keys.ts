// Keys: what is asked of the API, and what is said of their limits.

import { queryOptions } from "@tanstack/react-query";

import { type Schemas, answer, api } from "~/api/client";

export type Key = Schemas["ApiKeyRow"];
export type NewKey = Schemas["CreateKey"];
export type KeyChanges = Schemas["Update"];
export type Minted = Schemas["MintedKey"];
export type Kind = "inference" | "management";

/** What the API gives at once. */
const PAGE = 100;
/** Beyond this many, people search by name in the activity instead of scrolling. */
const MOST = 5000;

interface Listing {
  workspace?: string | undefined;
  kind: Kind;
}

async function listKeys({ workspace, kind }: Listing): Promise<Key[]> {
  const all: Key[] = [];
  const query = {
    include_disabled: "true",
    kind,
    ...(workspace && kind === "inference" ? { workspace_id: workspace } : {}),
  };
  while (all.length < MOST) {
    const { data } = await answer(api.GET("/keys", { params: { query: { ...query, offset: all.length } } }));
    all.push(...data);
    if (data.length < PAGE) break;
  }
  return all;
}

export const keysQuery = (listing: Listing) =>
  queryOptions({ queryKey: ["keys", listing], queryFn: () => listKeys(listing) });

export const keyQuery = (hash: string) =>
  queryOptions({
    queryKey: ["keys", "one", hash],
    queryFn: async () => (await answer(api.GET("/keys/{hash}", { params: { path: { hash } } }))).data,
  });

export const createKey = (body: NewKey): Promise<Minted> => answer(api.POST("/keys", { body }));

export const changeKey = (hash: string, body: KeyChanges): Promise<unknown> =>
  answer(api.PATCH("/keys/{hash}", { params: { path: { hash } }, body }));

export const deleteKey = (hash: string): Promise<unknown> =>
  answer(api.DELETE("/keys/{hash}", { params: { path: { hash } } }));

export const rotateKey = (hash: string, overlapSeconds: number): Promise<Minted> =>
  answer(
    api.POST("/keys/{hash}/rotate", {
      params: { path: { hash } },
      body: { overlap_seconds: overlapSeconds },
    }),
  );

export type KeyState = "active" | "disabled" | "expired" | "used up";

/** What would happen to a request with it now. */
export function stateOf(
  key: Pick<Key, "disabled" | "expires_at" | "limit" | "limit_remaining">,
  now: Date = new Date(),
): KeyState {
  if (key.disabled) return "disabled";
  if (key.expires_at && new Date(key.expires_at) <= now) return "expired";
  const isLimited = key.limit !== null && key.limit !== undefined;
  return isLimited && (key.limit_remaining ?? 0) <= 0 ? "used up" : "active";
}

export const RESETS = [
  { value: "", label: "never: it is for the key's whole life" },
  { value: "daily", label: "every day (UTC)" },
  { value: "weekly", label: "every week (Monday, UTC)" },
  { value: "monthly", label: "every month (UTC)" },
];

/** How long the secret of before stays in force, in seconds. */
export const OVERLAPS = [
  { value: "0", label: "ends at once (as it should for one that leaked)" },
  { value: "3600", label: "stays in force for an hour" },
  { value: "86400", label: "stays in force for a day" },
  { value: "604800", label: "stays in force for a week" },
];

/** `monthly` as people say it after an amount. */
export function everyOf(reset: string | null | undefined): string {
  return { daily: " a day", weekly: " a week", monthly: " a month" }[reset ?? ""] ?? " in total";
}
