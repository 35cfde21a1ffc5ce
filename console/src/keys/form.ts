// What somebody typed about a key, and what is asked for with it.

import { typedUsd } from "~/format/money";

import type { Key, KeyChanges, Kind, NewKey } from "./keys";

export interface KeyForm {
  name: string;
  kind: Kind;
  limit: string;
  reset: string;
  countsOwnKeys: boolean;
  /** Days from now; empty = no end. */
  days: string;
  /** One address or network a line. */
  addresses: string;
  rpm: string;
  tpm: string;
  concurrent: string;
}

export const EMPTY: KeyForm = {
  name: "",
  kind: "inference",
  limit: "",
  reset: "monthly",
  countsOwnKeys: false,
  days: "",
  addresses: "",
  rpm: "",
  tpm: "",
  concurrent: "",
};

export type Mistakes = Partial<Record<keyof KeyForm, string>>;

const DAY = 86_400_000;
const isBlank = (text: string): boolean => text.trim() === "";
const wholeOrNull = (text: string): number | null => (isBlank(text) ? null : Number(text.trim()));
const isWhole = (text: string): boolean => isBlank(text) || /^[1-9]\d{0,8}$/.test(text.trim());

export function mistakesOf(form: KeyForm): Mistakes {
  const mistakes: Mistakes = {};
  if (isBlank(form.name)) mistakes.name = "Give it a name that tells what it is for.";
  if (!isBlank(form.limit) && typedUsd(form.limit) === null)
    mistakes.limit = "An amount in USD, such as 25 or 0.50.";
  if (!isWhole(form.days)) mistakes.days = "A whole number of days.";
  for (const name of ["rpm", "tpm", "concurrent"] as const) {
    if (!isWhole(form[name])) mistakes[name] = "A whole number, at least 1.";
  }
  return mistakes;
}

function limitsOf(form: KeyForm) {
  const limit = isBlank(form.limit) ? null : typedUsd(form.limit);
  const addresses = form.addresses.split(/[\s,]+/).filter(Boolean);
  return {
    name: form.name.trim(),
    limit,
    limit_reset: limit === null || form.reset === "" ? null : (form.reset as "daily" | "weekly" | "monthly"),
    include_byok_in_limit: form.countsOwnKeys,
    allowed_ips: addresses.length === 0 ? null : addresses,
    rate_limit_rpm: wholeOrNull(form.rpm),
    rate_limit_tpm: wholeOrNull(form.tpm),
    max_concurrent: wholeOrNull(form.concurrent),
  };
}

/** Management keys spend nothing and belong to no workspace. */
export function newKeyOf(form: KeyForm, workspace: string | undefined, now: Date): NewKey {
  const end = isBlank(form.days) ? null : new Date(now.getTime() + Number(form.days) * DAY).toISOString();
  const common = { expires_at: end, kind: form.kind };
  const limits = limitsOf(form);
  if (form.kind === "management") return { ...common, name: limits.name, allowed_ips: limits.allowed_ips };
  return { ...common, ...limits, ...(workspace ? { workspace_id: workspace } : {}) };
}

export function changesOf(form: KeyForm): KeyChanges {
  const limits = limitsOf(form);
  return form.kind === "management" ? { name: limits.name, allowed_ips: limits.allowed_ips } : limits;
}

const said = (figure: number | null | undefined): string =>
  figure === null || figure === undefined ? "" : String(figure);

export function formOf(key: Key): KeyForm {
  return {
    ...EMPTY,
    name: key.name,
    kind: key.kind === "management" ? "management" : "inference",
    limit: said(key.limit),
    reset: key.limit_reset ?? "",
    countsOwnKeys: key.include_byok_in_limit,
    addresses: (key.allowed_ips ?? []).join("\n"),
    rpm: said(key.rate_limit_rpm),
    tpm: said(key.rate_limit_tpm),
    concurrent: said(key.max_concurrent),
  };
}
