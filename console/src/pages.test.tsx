// @vitest-environment happy-dom
// Every page opens against an organisation that has nothing yet: it says so, and neither fails nor stays empty.

import { expect, test, vi } from "vitest";

import { TABS } from "./operator/tenant/tenant";
import { type Answers, openConsole, refusal, troubles } from "./testing";

const AT = "2026-11-26T12:00:00Z";
const KEY = {
  ...{
    hash: "h",
    name: "A key",
    label: "sk-pb-v1-abc...xyz",
    kind: "inference",
    disabled: false,
    created_at: AT,
  },
  ...{ usage: 1, usage_daily: 0, usage_weekly: 0, usage_monthly: 1, byok_usage: 0, byok_usage_daily: 0 },
  ...{
    byok_usage_weekly: 0,
    byok_usage_monthly: 0,
    include_byok_in_limit: false,
    workspace_id: "w",
    limit: 5,
  },
  ...{ limit_remaining: 4, limit_reset: "monthly" },
};
const WORKSPACE = {
  ...{ id: "w", slug: "default", name: "Default", created_at: AT, updated_at: AT, default_guardrail_id: "g" },
  ...{
    io_logging_sampling_rate: 1,
    is_data_discount_logging_enabled: false,
    prevent_plugin_overrides: false,
  },
  ...{ is_observability_broadcast_enabled: true, is_observability_io_logging_enabled: false },
};
const PLAN = {
  ...{ name: "default", tenants: 1, version: 1, actor: "operator:x", created_at: AT, credit_limit: "0" },
  ...{ markup_basis_points: 500, markup_overrides: [], own_keys: {}, payment: "prepaid", purchase_fee: {} },
};

const PERIOD = {
  ...{ id: "1", state: "closed", invoices: 1, opened_at: AT, closed_at: AT, drafted_at: AT },
  progress: { drafted: 1, issued: 1, frozen: 0 },
};
const INVOICE = {
  ...{ id: "i", tenant_id: "t", period_id: "1", state: "finalised", payment: "postpaid" },
  ...{ number: "INV-2026-000001", sha256: "ab", charges: "1.5", covered_by_credit: "0", rounding: "0" },
  ...{ net: "1.50", tax: "0.00", total: "1.50", due_on: "2099-01-01", paid: "0", credited: "0", left: "1.5" },
  ...{ opening: "0", closing: "-1.5", is_frozen: false, drafted_at: AT, finalise_after: AT },
  ...{ finalised_at: AT, voided_at: null },
};

const BILL = {
  ...{
    bill_id: "b",
    provider: "openai",
    format: "generic",
    file_name: "bill.csv",
    lines: 2,
    state: "compared",
  },
  ...{ first_day: "2026-11-01", last_day: "2026-11-30", progress: { days: 30, compared: 30 }, alerts: 2 },
  ...{ amount: "12.5", ours: "12", difference: "0.5", error: null, paid: null, paid_at: null },
  ...{ imported_at: AT, imported_by: "operator:x", compared_at: AT },
};

const MODEL = {
  ...{ id: "a/b:free", canonical_slug: "a/b", name: "B", created: 1, context_length: 8192 },
  architecture: { input_modalities: ["text"], output_modalities: ["text"] },
  pricing: { prompt: "0.000001", completion: "0.000002" },
  ...{ top_provider: { is_moderated: false }, supported_parameters: ["tools"] },
};

const ANSWERS: Answers = {
  "GET /api/v1/models": { data: [MODEL] },
  "GET /api/v1/model/a/b%3Afree": { data: MODEL },
  "GET /api/v1/models/a/b%3Afree/endpoints/history": {
    data: { from: AT, to: AT, bucket_seconds: 900, endpoints: [] },
  },
  "GET /api/v1/models/a/b%3Afree/endpoints": { data: { ...MODEL, endpoints: [] } },
  "GET /account/v1/audit": { data: [], next: null },
  "GET /account/v1/sessions": { data: [] },
  "GET /api/v1/credits": { data: { total_credits: 100, total_usage: 1.5 } },
  "GET /api/v1/credits/auto-topup": {
    data: { amount: 0, enabled: false, failures: 0, flagged: false, running: false, threshold: 0 },
  },
  "GET /api/v1/credits/payments": { data: [], next: null },
  "GET /api/v1/invoices": { data: [], next: null },
  "GET /api/v1/keys": { data: [KEY] },
  "GET /api/v1/keys/h": { data: KEY },
  "GET /api/v1/organization": {
    data: {
      ...{ name: "Acme", slug: "acme", id: "o", created_at: AT, updated_at: AT },
      prevent_plugin_overrides: false,
    },
  },
  "GET /api/v1/workspaces": { data: [WORKSPACE], total_count: 1 },
  "GET /api/v1/workspaces/w/budgets": { data: [], include_byok_in_budgets: false },
  "GET /api/v1/guardrails/g": {
    data: { id: "g", name: "Careful", created_at: AT, include_byok_in_budgets: false },
  },
  "POST /api/v1/analytics/query": {
    data: { data: [], metadata: { query_time_ms: 1, row_count: 0, truncated: false } },
  },
  "GET /account/v1/generations": {
    data: [
      {
        ...{
          id: "gen-1",
          created_at: AT,
          status: "partial",
          model: "a/b",
          provider: "OpenAI",
          workspace_id: "w",
        },
        ...{
          key: { id: "k", hash: "h", name: "A key" },
          person: null,
          tokens_prompt: 12,
          tokens_completion: 60,
        },
        ...{ tokens_reasoning: 0, tokens_cached: 0, cost: 0.01, byok_cost: 0, is_byok: false, ttft_ms: 20 },
        ...{ latency_ms: 90, attempts: 2, streamed: true, finish_reason: "error" },
      },
    ],
    next: null,
  },
  "GET /admin/v1/tenants": { data: [{ id: "t", slug: "acme", name: "Acme", created_at: AT }] },
  "GET /admin/v1/tenants/t/balance": {
    ...{
      available: "1",
      balance: "1",
      credit_line: "0",
      held: "0",
      tenant_id: "t",
      total_credits: "1",
      total_usage: "0",
    },
  },
  "GET /admin/v1/tenants/t/plan": { ...PLAN, history: [] },
  "GET /admin/v1/tenants/t/credit-line": { data: null },
  "GET /admin/v1/tenants/t/limits": { max_concurrent: null, rate_limit_rpm: null, rate_limit_tpm: null },
  "GET /admin/v1/tenants/t/notices/settings": { data: { has_secret: false } },
  "GET /admin/v1/tenants/t/billing-profile": {
    ...{ name: "Acme", address: ["Road 1"], country: "DE", tax_id: "", email: "", reference: "" },
    ...{ tax: "standard", tax_basis_points: 1900, updated_at: AT },
  },
  "GET /admin/v1/tenants/t/erasure": { data: null },
  "GET /admin/v1/plans": { data: [PLAN], next: null },
  "GET /admin/v1/plans/default": { ...PLAN, versions: [PLAN] },
  "GET /admin/v1/periods": { data: [PERIOD], next: null },
  "GET /admin/v1/invoices": { data: [INVOICE], next: null },
  "GET /admin/v1/reconciliations": { data: [BILL], next: null },
  "GET /admin/v1/reconciliations/b": { ...BILL, by_model: [], differences: [], next: null },
  "GET /admin/v1/ledger/accounts": { data: [], debited: "0", credited: "0" },
  "GET /admin/v1/flags": {
    data: [{ name: "own_keys", description: "Own keys.", default: true, is_on: false, everybody: false }],
  },
  "GET /admin/v1/parked": {
    data: [
      {
        ...{ parked_id: "7", subject: "record", bytes: 12, content: [], error: "no tenant", parked_at: AT },
        ...{ decision: null, decided_at: null, decided_by: null, reason: null },
      },
    ],
    next: null,
  },
  "GET /admin/v1/status": {
    data: [
      {
        service: "redis",
        name: "redis",
        state: "unused",
        detail: "not configured",
        version: "",
        latency_ms: null,
      },
    ],
    spool: { records: 3, bytes: 900, oldest_seconds: 2 },
    parked: 1,
  },
  "GET /admin/v1/invoices/i": {
    ...INVOICE,
    ...{ lines: [], payments: [], credit_notes: [], freeze: null },
    account: { opening: "0", closing: "-1.5", movements: [{ kind: "usage", amount: "-1.5", transfers: 2 }] },
  },
  "GET /admin/v1/usage/series": { data: [], truncated: false },
  "GET /admin/v1/health": { endpoints: [] },
  "GET /admin/v1/invariants": { breaches: [], invariants: [] },
  "GET /api/v1/openapi.json": { info: { title: "t", version: "1" }, paths: {} },
};

const PAGES = [
  ...[
    "/",
    "/models",
    "/model/a/b:free",
    "/compare",
    "/compare?models=a/b:free",
    "/playground",
    "/keys",
    "/keys?kind=management",
    "/keys/h",
    "/activity",
  ],
  ...["/presets", "/explorer", "/destinations", "/guardrails", "/guardrails/g", "/byok", "/workspaces"],
  ...["/workspaces/w", "/members", "/audit", "/credits", "/invoices", "/settings", "/operator"],
  ...["/operator/tenants", "/operator/tenants/t", "/operator/health", "/operator/ledger"],
  ...["/operator/invariants", "/operator/audit", "/operator/plans", "/operator/plans/default"],
  ...["/operator/periods", "/operator/invoices", "/operator/invoices?state=grace&period=1"],
  ...["/operator/invoices/i", "/operator/bills", "/operator/bills/b", "/operator/accounts"],
  ...[
    "/operator/status",
    "/operator/parked",
    "/operator/flags",
    "/operator/seals",
    "/operator/seals?tenant=t",
  ],
  ...TABS.map((tab) => `/operator/tenants/t?tab=${tab.value}`),
];

test.each(PAGES)("%s opens", async (address) => {
  const page = openConsole(ANSWERS);
  await page.open(address);
  expect(troubles()).toEqual([]);
  expect(document.querySelector("style")).toBeNull();
  page.last("GET /account/v1/session");
});

test.each([
  ["/keys", "$1.00 of $5.00 a month"],
  ["/models", "$2.00"],
  ["/workspaces", "not kept"],
  ["/operator/periods", "1 issued"],
  ["/operator/invoices", "INV-2026-000001"],
  ["/operator/plans", "5.00%"],
  ["/activity?status=partial", "broke off"],
  ["/operator/bills", "2 alerts"],
  ["/operator/status", "not configured"],
  ["/operator/parked", "cannot be read"],
  ["/operator/flags", "own_keys"],
])("%s shows its rows", async (address, text) => {
  await openConsole(ANSWERS).open(address);
  await vi.waitFor(() => expect(document.querySelector("[role=table]")?.textContent).toContain(text));
});

test("whoever is not signed in is asked to sign in", async () => {
  await openConsole({ "GET /account/v1/session": () => refusal(401, "no") }).open("/keys");
  expect(document.querySelector("h1")?.textContent).toBe("Sign in to Patchbay");
});

test("a refusal is shown in the API's own words", async () => {
  const refused = () => refusal(403, "Your role may not read keys.");
  await openConsole({ ...ANSWERS, "GET /api/v1/keys": refused }).open("/keys");
  await vi.waitFor(() => expect(troubles().join()).toContain("Your role may not read keys."));
});
