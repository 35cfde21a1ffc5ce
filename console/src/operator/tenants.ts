// Organisations as operators find them: searched for by the API, never listed as a whole.

import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { admin, answer } from "~/api/client";
import type { components } from "~/api/generated/admin";
import { pagedQuery } from "~/api/paged";

export type Tenant = components["schemas"]["Tenant"];

export interface TenantsSearch {
  /** Part of the name or slug, or the beginning of the id. */
  q?: string | undefined;
}

export function tenantsSearch(raw: Record<string, unknown>): TenantsSearch {
  const { q } = raw;
  // Figures of an address are read as numbers.
  return { q: (typeof q === "string" && q !== "") || typeof q === "number" ? String(q) : undefined };
}

/** Everything of the list of tenants is read again by this key. */
export const tenantsKey = ["operator", "tenants"];

interface Asked {
  search?: string;
  limit: number;
  cursor?: string;
}
const list = (query: Asked) => answer(admin.GET("/tenants", { params: { query } }));
const narrowed = (search: string): { search?: string } => (search === "" ? {} : { search });

/** The tenants that a search finds, page by page. */
export const tenantsQuery = (search: string) => ({
  ...pagedQuery<Tenant>([...tenantsKey, "list", search], ({ limit, after }) =>
    list({ ...narrowed(search), limit, ...(after ? { cursor: after } : {}) }),
  ),
  placeholderData: keepPreviousData,
});

/** How many are offered to choose from. */
const OFFERED = 20;

/** The first tenants that a search finds, and whether there are more. */
export const offeredQuery = (search: string) =>
  queryOptions({
    queryKey: [...tenantsKey, "offered", search],
    queryFn: () => list({ ...narrowed(search), limit: OFFERED }),
    placeholderData: keepPreviousData,
  });

/** One tenant; null when there is none of this id. */
export const tenantQuery = (id: string) =>
  queryOptions({
    queryKey: [...tenantsKey, "one", id],
    queryFn: async () => {
      const { data } = await list({ search: id, limit: 1 });
      return data.find((tenant) => tenant.id === id) ?? null;
    },
  });

/** Milliseconds; names seldom change. */
const NAMES_FRESH = 5 * 60_000;

/** The names of as many tenants as one answer holds. */
export const tenantNamesQuery = queryOptions({
  queryKey: [...tenantsKey, "names"],
  queryFn: async () => {
    const { data } = await answer(admin.GET("/tenants"));
    return new Map(data.map((tenant) => [tenant.id, tenant.name]));
  },
  staleTime: NAMES_FRESH,
});
