// Every page of the console, with an address that has something to show.

import { platform } from "./platform.mjs";

/** `[name, address]` of each page; a page of one thing is that of the first there is. */
export async function addresses(dev) {
  const api = platform(dev);
  const first = async (ask, path, take) => {
    const { data } = await ask("GET", path);
    return data.length === 0 ? null : take(data.at(-1));
  };
  const operated = async (path, take) => {
    const { data } = await api.operate("GET", path);
    return data.length === 0 ? null : take(data[0]);
  };
  const generation = await failedOver(api);
  const one = await Promise.all([
    first(api.manage, "/keys", (key) => ["key", `/keys/${key.hash}`]),
    first(api.manage, "/workspaces", (workspace) => ["workspace", `/workspaces/${workspace.id}`]),
    first(api.manage, "/guardrails", (guardrail) => ["guardrail", `/guardrails/${guardrail.id}`]),
    operated("/endpoints?model=openai/gpt-4o", ({ id }) => ["operator-endpoint", `/operator/endpoints/${id}`]),
    operated("/tenants", ({ id }) => ["operator-tenant", `/operator/tenants/${id}`]),
    operated("/tenants", ({ id }) => ["operator-tenant-keys", `/operator/tenants/${id}?tab=keys`]),
    operated("/tenants", ({ id }) => ["operator-tenant-limits", `/operator/tenants/${id}?tab=limits`]),
    // There is one as soon as a period was closed.
    operated("/invoices", ({ id }) => ["operator-invoice", `/operator/invoices/${id}`]),
  ]);
  const itself = generation && [
    ["generation", `/generations/${generation}`],
    ["operator-decision", `/operator/decisions/${generation}`],
  ];
  return [...PAGES, ...one.filter((page) => page !== null), ...(itself ?? [])];
}

/** The id of a generation that a first provider failed and a second one answered; null when none of the last is one. */
async function failedOver(api) {
  const { data } = await api.operate("GET", "/decisions?model=openai/gpt-4o&limit=100");
  for (const { generation_id: id } of data) {
    // What was asked just now is not settled yet.
    const found = await api.manage("GET", `/generation?id=${id}`).catch(() => null);
    if (found !== null && found.data.provider_responses.length > 1) return id;
  }
  return null;
}

/** The page of those who are not signed in. */
export const SIGN_IN = "/sign-in";

const PAGES = [
  ["start", "/"],
  ["models", "/models"],
  ["model", "/model/openai/gpt-4o"],
  ["compare", "/compare?models=openai%2Fgpt-4o,anthropic%2Fclaude-sonnet-4.5,google%2Fgemini-2.5-flash"],
  ["playground", "/playground?models=openai%2Fgpt-4o-mini,anthropic%2Fclaude-sonnet-4.5"],
  ["keys", "/keys"],
  ["activity", "/activity"],
  ["members", "/members"],
  ["workspaces", "/workspaces"],
  ["audit", "/audit"],
  ["settings", "/settings"],
  ["guardrails", "/guardrails"],
  ["byok", "/byok"],
  ["presets", "/presets"],
  ["destinations", "/destinations"],
  ["credits", "/credits"],
  ["invoices", "/invoices"],
  ["explorer", "/explorer"],
  ["operator-overview", "/operator"],
  ["operator-tenants", "/operator/tenants"],
  ["operator-health", "/operator/health"],
  ["operator-ledger", "/operator/ledger"],
  ["operator-invariants", "/operator/invariants"],
  ["operator-providers", "/operator/providers"],
  ["operator-provider", "/operator/providers/openai"],
  ["operator-models", "/operator/models"],
  ["operator-model", "/operator/model/openai/gpt-4o"],
  ["operator-endpoints", "/operator/endpoints"],
  ["operator-prices", "/operator/prices"],
  ["operator-changes", "/operator/changes"],
  ["operator-decisions", "/operator/decisions"],
  ["operator-explain", "/operator/explain"],
  ["operator-replay", "/operator/replay"],
  ["operator-plans", "/operator/plans"],
  ["operator-plan", "/operator/plans/demo-markup"],
  ["operator-periods", "/operator/periods"],
  ["operator-invoices", "/operator/invoices"],
  ["operator-bills", "/operator/bills"],
  ["operator-accounts", "/operator/accounts"],
  ["operator-seals", "/operator/seals"],
  ["operator-status", "/operator/status"],
  ["operator-parked", "/operator/parked"],
  ["operator-flags", "/operator/flags"],
  ["operator-audit", "/operator/audit"],
];
