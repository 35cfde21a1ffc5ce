// Guardrails: what is asked of the API, and what a form makes of them.

import { queryOptions } from "@tanstack/react-query";

import { type Schemas, answer, api } from "~/api/client";
import { wholeList } from "~/api/pages";
import { typedUsd, usd } from "~/format/money";
import { counted } from "~/format/number";

export type Guardrail = Schemas["Guardrail"];
export type Action = Schemas["ContentFilterAction"];
export type BuiltinSlug = Schemas["ContentFilterBuiltinSlug"];
type Changes = Schemas["UpdateGuardrailRequest"];

export const BUILTINS: { slug: BuiltinSlug; label: string }[] = [
  { slug: "email", label: "E-mail addresses" },
  { slug: "phone", label: "Telephone numbers" },
  { slug: "ssn", label: "US social security numbers" },
  { slug: "credit-card", label: "Credit cards" },
  { slug: "ip-address", label: "IP addresses" },
  { slug: "person-name", label: "Names of people" },
  { slug: "address", label: "Postal addresses" },
  { slug: "regex-prompt-injection", label: "Prompt injections" },
];

export const guardrailsQuery = (workspace: string | undefined) =>
  queryOptions({
    queryKey: ["guardrails", workspace],
    queryFn: () =>
      wholeList((query) =>
        answer(
          api.GET("/guardrails", {
            params: { query: { ...query, ...(workspace ? { workspace_id: workspace } : {}) } },
          }),
        ),
      ),
  });

export const guardrailQuery = (id: string) =>
  queryOptions({
    queryKey: ["guardrails", "one", id],
    queryFn: async () => (await answer(api.GET("/guardrails/{id}", { params: { path: { id } } }))).data,
  });

export interface GuardrailForm {
  name: string;
  description: string;
  limit: string;
  interval: string;
  allowedModels: string;
  ignoredModels: string;
  allowedProviders: string;
  ignoredProviders: string;
  isZdr: boolean;
  isTrainingDenied: boolean;
  builtins: Partial<Record<BuiltinSlug, Action>>;
  patterns: { pattern: string; label: string; action: Action }[];
}

const lines = (list: string[] | null | undefined): string => (list ?? []).join("\n");

export function formOf(one: Guardrail | null): GuardrailForm {
  return {
    name: one?.name ?? "",
    description: one?.description ?? "",
    limit: one?.limit_usd === null || one?.limit_usd === undefined ? "" : String(one.limit_usd),
    interval: one?.reset_interval ?? "",
    allowedModels: lines(one?.allowed_models),
    ignoredModels: lines(one?.ignored_models),
    allowedProviders: lines(one?.allowed_providers),
    ignoredProviders: lines(one?.ignored_providers),
    isZdr: one?.enforce_zdr === true,
    isTrainingDenied: one?.enable_paid_model_training === false && one.enable_free_model_training === false,
    builtins: Object.fromEntries(
      (one?.content_filter_builtins ?? []).map((filter) => [filter.slug, filter.action]),
    ),
    patterns: (one?.content_filters ?? []).map(({ pattern, label, action }) => ({
      pattern,
      label: label ?? "",
      action,
    })),
  };
}

function listOf(text: string): string[] | null {
  const list = text.split(/[\s,]+/).filter(Boolean);
  return list.length === 0 ? null : list;
}

/**
 * What is asked for: every rule that the form shows, with null where there is none. Rules that it does not show are not
 * sent, so that they stay; three-valued ones are sent only when the form says something else than before.
 */
export function changesOf(form: GuardrailForm, before: GuardrailForm): Changes & { name: string } {
  const limit = form.limit.trim() === "" ? null : typedUsd(form.limit);
  if (limit === null && form.limit.trim() !== "")
    throw new Error("The budget is an amount in USD, such as 50.");
  const builtins = Object.entries(form.builtins).map(([slug, action]) => ({
    slug: slug as BuiltinSlug,
    action,
  }));
  const patterns = form.patterns
    .filter((one) => one.pattern !== "")
    .map((one) => ({ ...one, label: one.label || null }));
  const training = form.isTrainingDenied ? false : null;
  return {
    name: form.name.trim(),
    description: form.description.trim() || null,
    limit_usd: limit,
    reset_interval:
      limit === null || form.interval === "" ? null : (form.interval as "daily" | "weekly" | "monthly"),
    allowed_models: listOf(form.allowedModels),
    ignored_models: listOf(form.ignoredModels),
    allowed_providers: listOf(form.allowedProviders),
    ignored_providers: listOf(form.ignoredProviders),
    content_filter_builtins: builtins.length === 0 ? null : builtins,
    content_filters: patterns.length === 0 ? null : patterns,
    ...(form.isZdr === before.isZdr ? {} : { enforce_zdr: form.isZdr ? true : null }),
    ...(form.isTrainingDenied === before.isTrainingDenied
      ? {}
      : {
          enable_paid_model_training: training,
          enable_free_model_training: training,
          enable_free_model_publication: training,
        }),
  };
}

const EVERY: Record<string, string> = { daily: " a day", weekly: " a week", monthly: " a month" };

/** Its rules in a line. */
export function summaryOf(one: Guardrail): string[] {
  const filters = (one.content_filter_builtins?.length ?? 0) + (one.content_filters?.length ?? 0);
  const all: [boolean, string][] = [
    [
      one.limit_usd !== null && one.limit_usd !== undefined,
      `${usd(one.limit_usd)}${EVERY[one.reset_interval ?? ""] ?? " for ever"} each`,
    ],
    [!!one.allowed_models, `only ${counted(one.allowed_models?.length ?? 0, "model")}`],
    [!!one.ignored_models, `not ${counted(one.ignored_models?.length ?? 0, "model")}`],
    [!!one.allowed_providers, `only ${counted(one.allowed_providers?.length ?? 0, "provider")}`],
    [!!one.ignored_providers, `not ${counted(one.ignored_providers?.length ?? 0, "provider")}`],
    [one.enforce_zdr === true, "nothing retained"],
    [one.enable_paid_model_training === false, "no training"],
    [filters > 0, counted(filters, "content filter")],
  ];
  return all.filter(([applies]) => applies).map(([, text]) => text);
}
