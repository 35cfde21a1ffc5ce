// Plans: what is asked of the API, and what a form says of a version.

import { queryOptions } from "@tanstack/react-query";

import { admin, answer } from "~/api/client";
import { ApiError, errorOf } from "~/api/errors";
import type { components } from "~/api/generated/admin";
import { nanoOf } from "~/format/money";

export type Plan = components["schemas"]["Plan"];
export type WholePlan = components["schemas"]["WholePlan"];
export type Version = components["schemas"]["PlanVersion"];
export type NewTerms = components["schemas"]["NewTerms"];
type Terms = components["schemas"]["PlanTerms"];

export const plansQuery = queryOptions({
  queryKey: ["operator", "plans"],
  queryFn: async () => (await answer(admin.GET("/plans", { params: { query: { limit: 100 } } }))).data,
});

/** A plan with its versions and the tag that a change of it names; null when there is none of that name. */
export const planQuery = (name: string) =>
  queryOptions({
    queryKey: ["operator", "plans", name],
    queryFn: async () => {
      const { data, error, response } = await admin.GET("/plans/{name}", { params: { path: { name } } });
      if (response.status === 404) return null;
      if (!data) throw errorOf(error, response.status, response.headers);
      return { plan: data, tag: response.headers.get("etag") };
    },
  });

/** What `preview` in a body is answered with; the API's description leaves it open. */
export interface PreviewRow {
  model: string;
  provider: string;
  tag: string;
  list_price: string;
  before: Effect | null;
  after: Effect;
}

interface Effect {
  markup_basis_points: number;
  cost: string;
  own_key_fee: string;
}

export interface Outcome {
  version?: number;
  is_unchanged?: boolean;
  preview?: PreviewRow[];
}

export async function putPlan(name: string, terms: NewTerms, tag: string | null): Promise<Outcome> {
  const header = tag ? { "If-Match": tag } : {};
  const call = admin.PUT("/plans/{name}", { params: { path: { name }, header }, body: terms });
  try {
    return (await answer(call)) as Outcome;
  } catch (error) {
    if (error instanceof ApiError && error.status === 412)
      throw new ApiError(412, "Somebody changed the plan meanwhile. Open it again and look.");
    throw error;
  }
}

/** Hundredths of a percent as percent. */
export const basisPoints = (points: number | null | undefined): string =>
  points === null || points === undefined ? "–" : `${(points / 100).toFixed(2)}%`;

export interface OverrideForm {
  provider: string;
  model: string;
  percent: string;
}

/** Percentages are typed as such: `5.5` is 550 basis points. */
export interface PlanForm {
  markup: string;
  overrides: OverrideForm[];
  purchaseFee: string;
  purchaseMinimum: string;
  ownKeyFee: string;
  /** Empty = nothing is free of the fee. */
  allowance: string;
  payment: "prepaid" | "postpaid";
  creditLimit: string;
}

/** The public terms: what a body means that leaves everything out. */
export const FRESH: PlanForm = {
  markup: "0",
  overrides: [],
  purchaseFee: "0",
  purchaseMinimum: "0",
  ownKeyFee: "5",
  allowance: "25000",
  payment: "prepaid",
  creditLimit: "0",
};

const percentOf = (points: number | undefined): string => String((points ?? 0) / 100);

/** Hundredths of a percent; null for what is no percentage of two decimals. */
export function pointsOf(percent: string): number | null {
  const parts = /^(\d{1,4})(?:\.(\d{1,2}))?$/.exec(percent.trim().replace(/\s*%$/, ""));
  if (parts === null) return null;
  return Number(parts[1]) * 100 + Number((parts[2] ?? "").padEnd(2, "0"));
}

export function formOf(terms: Terms): PlanForm {
  return {
    markup: percentOf(terms.markup_basis_points),
    overrides: terms.markup_overrides.map((one) => ({
      provider: one.provider ?? "",
      model: one.model ?? "",
      percent: percentOf(one.basis_points),
    })),
    purchaseFee: percentOf(terms.purchase_fee.basis_points),
    purchaseMinimum: terms.purchase_fee.minimum ?? "0",
    ownKeyFee: percentOf(terms.own_keys.fee_basis_points),
    allowance: terms.own_keys.monthly_allowance ?? "",
    payment: terms.payment,
    creditLimit: terms.credit_limit,
  };
}

export type Mistakes = Partial<Record<keyof PlanForm, string>>;

const isAmount = (text: string): boolean => (nanoOf(text) ?? -1n) >= 0n;
const isPercent = (text: string, most: number): boolean => {
  const points = pointsOf(text);
  return points !== null && points <= most;
};

export function mistakesOf(form: PlanForm): Mistakes {
  const mistakes: Mistakes = {};
  if (!isPercent(form.markup, 100_000)) mistakes.markup = "A percentage from 0 to 1000, such as 5 or 7.25.";
  if (!isPercent(form.purchaseFee, 10_000)) mistakes.purchaseFee = "A percentage from 0 to 100.";
  if (!isPercent(form.ownKeyFee, 10_000)) mistakes.ownKeyFee = "A percentage from 0 to 100.";
  if (!isAmount(form.purchaseMinimum)) mistakes.purchaseMinimum = "An amount in USD, such as 0.80.";
  if (form.allowance.trim() !== "" && !isAmount(form.allowance))
    mistakes.allowance = "An amount in USD, or nothing.";
  if (form.payment === "postpaid" && !isAmount(form.creditLimit))
    mistakes.creditLimit = "An amount in USD, such as 500.";
  const isWrong = (one: OverrideForm) =>
    !isPercent(one.percent, 100_000) || (one.provider.trim() === "" && one.model.trim() === "");
  if (form.overrides.some(isWrong))
    mistakes.overrides = "Each needs a provider or a model, and a percentage from 0 to 1000.";
  return mistakes;
}

/** What is put. Of a form with mistakes it says 0 where a percentage cannot be read. */
export function termsOf(form: PlanForm): NewTerms {
  const points = (text: string): number => pointsOf(text) ?? 0;
  return {
    markup_basis_points: points(form.markup),
    markup_overrides: form.overrides.map((one) => ({
      ...(one.provider.trim() ? { provider: one.provider.trim() } : {}),
      ...(one.model.trim() ? { model: one.model.trim() } : {}),
      basis_points: points(one.percent),
    })),
    purchase_fee: { basis_points: points(form.purchaseFee), minimum: form.purchaseMinimum.trim() },
    own_keys: { fee_basis_points: points(form.ownKeyFee), monthly_allowance: form.allowance.trim() || null },
    payment: form.payment,
    ...(form.payment === "postpaid" ? { credit_limit: form.creditLimit.trim() } : {}),
  };
}
