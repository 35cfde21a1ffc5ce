// What routing did, in words. docs/reference/routing.md has the rules that these stand for.

import type { Considered, Explanation } from "./decisions";

/** Why an endpoint or a name is not in a plan. */
const REASONS: Record<string, string> = {
  unknown_model: "no model is called that",
  disabled: "it is switched off",
  unsupported_dialect: "its dialect is not known",
  not_configured: "its base URL still has a placeholder",
  no_credential: "the platform has no credential for its provider",
  no_price: "it has no price",
  other_operation: "the model is made for something else",
  unsupported_operation: "its dialect has no way to ask for this",
  deprecated: "its last day is over",
  no_candidate: "no model meets what the router was asked for",
  capability: "it falls short of what the router was asked for",
  service_tier: "it is of another class of service",
  model_not_allowed: "a guardrail allows other models only",
  model_ignored: "a guardrail rules the model out",
  provider_not_allowed: "a guardrail allows other providers only",
  provider_ignored: "a guardrail rules the provider out",
  account_zdr: "a guardrail demands that nothing is retained",
  account_data_collection: "a guardrail demands that no data is collected",
  account_region: "a guardrail demands another data region",
  region: "it does not promise the data region of the request",
  not_in_only: "the request's `only` does not name it",
  ignored: "the request's `ignore` names it",
  not_in_order: "the request's `order` does not name it, and allows no fallbacks",
  quantization: "it has another precision",
  context_length: "the prompt is too long for it",
  max_tokens: "its longest answer is shorter than `max_tokens`",
  input_modality: "it does not read one of the kinds of input",
  output_modality: "it does not write one of the kinds of output",
  not_distillable: "its author is not known to let answers train other models",
  require_parameters: "it lacks a parameter that the request requires",
  data_collection: "it may collect data, which the request denies",
  zdr: "it may retain data, which the request denies",
  max_price: "it costs more than the request's `max_price`",
  no_tools: "others of the model know tools, it does not",
  no_response_format: "others of the model know response formats, it does not",
  no_verbosity: "others of the model know `verbosity`, it does not",
  own_key_only: "the tenant always uses a credential of its own at this provider",
  no_fallbacks: "it could serve, but the request allows no fallbacks",
  plan_full: "it could serve, but the plan is full",
};

export const reasonText = (reason: string): string => REASONS[reason] ?? reason.replaceAll("_", " ");

const RANKS: Record<string, string> = {
  degraded: "80 to 94% of the last five minutes went well, so that it goes behind those at 95% and more",
  unstable: "it had an outage just now, went well in less than 80%, or is regaining its share",
  cooling: "its provider asked to be left alone for a while",
  ejected: "it is ejected, so that it is tried last of all",
};

/** Whether it could have served, though the plan ends before it. */
export const couldServe = (one: Considered): boolean =>
  one.selected || one.reason === "plan_full" || one.reason === "no_fallbacks";

/** What became of an endpoint and why, as sentences. */
export function outcomeOf(one: Considered): string[] {
  const told: string[] = [];
  if (one.selected && one.position !== undefined)
    told.push(
      one.position === 1 ? "Tried first." : `Tried as number ${one.position}, if those before it fail.`,
    );
  else if (one.reason) told.push(`Not tried: ${reasonText(one.reason)}.`);
  if (one.is_byok) told.push("With a credential of the tenant's own, which goes before the platform's.");
  if (one.is_held) told.push("It holds the conversation's prompt in its cache.");
  if (one.misses_threshold)
    told.push("It misses a preferred latency or throughput, and goes behind those that meet it.");
  const rank = one.rank === undefined ? undefined : RANKS[one.rank];
  if (rank !== undefined) told.push(`${rank.charAt(0).toUpperCase()}${rank.slice(1)}.`);
  if (one.tool_calling === "deprioritized") told.push("It calls tools worse than others of the model.");
  return told;
}

/** Of each endpoint that was drawn among, its share in the first draw that it was in. */
export function sharesOf(explanation: Pick<Explanation, "draws">): Map<string, number> {
  const shares = new Map<string, number>();
  for (const draw of explanation.draws ?? []) {
    for (const { id, share } of draw.shares) if (!shares.has(id)) shares.set(id, share);
  }
  return shares;
}

const ORDERS: Record<string, string> = {
  default: "drawn, the odds 1/price², among those that are alike otherwise; the others follow by price",
  order: "as the request's `order` says",
  price: "the cheapest first",
  throughput: "the fastest first",
  latency: "the quickest to answer first",
  exacto: "those that call tools best first",
};
export const orderText = (order: string | undefined): string =>
  order === undefined ? "there is no order" : (ORDERS[order] ?? order);

const STRATEGIES: Record<string, string> = {
  direct: "the model was named",
  alias: "an alias led to the model",
  latest: "the newest of a family was asked for",
  fallback: "the first name leads nowhere, and a later one was taken",
  auto: "a router chose the model",
};
export const strategyText = (strategy: string | undefined): string =>
  strategy === undefined
    ? "no plan came about"
    : (STRATEGIES[strategy] ?? `the router \`${strategy}\` chose the model`);

/** One sentence that says what came of it. */
export function headline(explanation: Explanation): string {
  if (explanation.refused)
    return `Refused with ${explanation.refused.status}: ${explanation.refused.message}`;
  const first = explanation.endpoints.find((one) => one.position === 1);
  const could = explanation.endpoints.filter(couldServe).length;
  const all = explanation.endpoints.length;
  if (first === undefined) return `Of ${all} endpoints none is in the plan.`;
  return `${first.tag} goes first, for ${first.model}: ${could} of ${all} endpoints could serve.`;
}
