// What is asked of the API about one tenant.

import { queryOptions } from "@tanstack/react-query";

import { admin, answer, document } from "~/api/client";
import type { components } from "~/api/generated/admin";
import { type Paged, pagedQuery } from "~/api/paged";

type Schemas = components["schemas"];
export type Payment = Schemas["Payments"]["data"][number];
export type Budget = Schemas["Budget"];
export type Notice = Schemas["Notice"];
export type Flag = Schemas["FeatureFlag"];
export type Limits = Schemas["TenantLimits"];
export type Erasure = Schemas["Erasure"];

export const TABS = [
  { value: "money", label: "Balance and plan" },
  { value: "keys", label: "Keys" },
  { value: "limits", label: "Limits and budgets" },
  { value: "payments", label: "Payments" },
  { value: "invoices", label: "Invoices" },
  { value: "profile", label: "Billing profile" },
  { value: "notices", label: "Notices" },
  { value: "flags", label: "Flags" },
  { value: "erasure", label: "Erasure" },
] as const;
export type Tab = (typeof TABS)[number]["value"];

export function tenantSearch(raw: Record<string, unknown>): { tab?: Tab | undefined } {
  return { tab: TABS.find((one) => one.value === raw["tab"])?.value };
}

/** Everything of a tenant is read again by this key. */
export const keyOf = (tenant: string, ...parts: string[]) => ["operator", "tenant", tenant, ...parts];

const of = (tenant: string) => ({ params: { path: { tenant } } });

export const balanceQuery = (tenant: string) =>
  queryOptions({
    queryKey: keyOf(tenant, "balance"),
    queryFn: () => answer(admin.GET("/tenants/{tenant}/balance", of(tenant))),
  });

export const creditLineQuery = (tenant: string) =>
  queryOptions({
    queryKey: keyOf(tenant, "credit-line"),
    queryFn: async () => (await answer(admin.GET("/tenants/{tenant}/credit-line", of(tenant)))).data ?? null,
  });

export const tenantPlanQuery = (tenant: string) =>
  queryOptions({
    queryKey: keyOf(tenant, "plan"),
    queryFn: () => answer(admin.GET("/tenants/{tenant}/plan", of(tenant))),
  });

export interface Profile {
  name: string;
  address: string[];
  country: string;
  tax_id: string;
  email: string;
  reference: string;
  tax: Schemas["TaxTreatment"];
  tax_basis_points: number;
  updated_at: string;
}

export const profileQuery = (tenant: string) =>
  queryOptions({
    queryKey: keyOf(tenant, "profile"),
    queryFn: () => document<Profile | null>(admin.GET("/tenants/{tenant}/billing-profile", of(tenant))),
  });

/** A key as operators see it; the API's description leaves it open. */
export interface OperatorKey {
  hash: string;
  label: string;
  name: string;
  kind: "inference" | "management";
  disabled: boolean;
  limit: string | null;
  limit_reset: string | null;
  workspace_id: string | null;
  expires_at: string | null;
  created_at: string;
  last_used_at: string | null;
  rotated_at: string | null;
  previous_key_expires_at: string | null;
}

/** A key with its secret, which is shown once. */
export interface MintedKey {
  key: string;
  data: OperatorKey;
}

export const keysQuery = (tenant: string) =>
  queryOptions({
    queryKey: keyOf(tenant, "keys"),
    queryFn: async () =>
      (await document<{ data: OperatorKey[] }>(admin.GET("/tenants/{tenant}/keys", of(tenant)))).data,
  });

export const limitsQuery = (tenant: string) =>
  queryOptions({
    queryKey: keyOf(tenant, "limits"),
    queryFn: () => answer(admin.GET("/tenants/{tenant}/limits", of(tenant))),
  });

const onPage = (tenant: string, query: { limit: number; after?: string }) => ({
  params: { path: { tenant }, query },
});

export const budgetsQuery = (tenant: string) =>
  pagedQuery<Budget>(keyOf(tenant, "budgets"), (paging) =>
    answer(admin.GET("/tenants/{tenant}/budgets", onPage(tenant, paging))),
  );

export const paymentsQuery = (tenant: string) =>
  pagedQuery<Payment>(keyOf(tenant, "payments"), (paging) =>
    answer(admin.GET("/tenants/{tenant}/payments", onPage(tenant, paging))),
  );

export const noticesQuery = (tenant: string) =>
  pagedQuery<Notice>(keyOf(tenant, "notices"), (paging) =>
    answer(admin.GET("/tenants/{tenant}/notices", onPage(tenant, paging))),
  );

export const noticeSettingsQuery = (tenant: string) =>
  queryOptions({
    queryKey: keyOf(tenant, "notice-settings"),
    queryFn: async () => (await answer(admin.GET("/tenants/{tenant}/notices/settings", of(tenant)))).data,
  });

/** A document as it is listed; the API's description leaves it open. */
export interface IssuedDocument {
  number: string;
  kind: "invoice" | "statement" | "credit_note" | "receipt";
  issued_at: string;
  total: string | null;
}

export const documentsQuery = (tenant: string) =>
  pagedQuery<IssuedDocument>(keyOf(tenant, "documents"), (paging) =>
    document<Paged<IssuedDocument>>(admin.GET("/tenants/{tenant}/invoices", onPage(tenant, paging))),
  );

export const flagsQuery = (tenant: string) =>
  queryOptions({
    queryKey: keyOf(tenant, "flags"),
    queryFn: async () => (await answer(admin.GET("/tenants/{tenant}/flags", of(tenant)))).data,
  });

const SOON = 2_000;

/** Asked again every two seconds until it is done. */
export const erasureQuery = (tenant: string) =>
  queryOptions({
    queryKey: keyOf(tenant, "erasure"),
    queryFn: async () => (await answer(admin.GET("/tenants/{tenant}/erasure", of(tenant)))).data ?? null,
    refetchInterval: (query) => (query.state.data?.state === "erasing" ? SOON : false),
  });
