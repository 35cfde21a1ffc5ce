// @vitest-environment happy-dom

import { expect, test, vi } from "vitest";

import { choose, type Answers, openConsole, press, refusal, sees, troubles, type } from "~/testing";

const A = "/admin/v1";
const GENERATION = "gen-01a217ceb42973998bb08916a70154bb";
const considered = (members: object) => ({
  ...{ id: "e1", provider: "groq", tag: "groq", model: "a/m", is_byok: false, price_per_million: "0.35" },
  ...{ markup_basis_points: 500, state: "closed", latency_ms: 412, throughput: 180, selected: false },
  ...members,
});
const EXPLANATION = {
  ...{ seed: "13658515025559025035", catalogue_version: 7, now_ms: 1, policy: { max_attempts: 8 } },
  ...{ strategy: "direct", order: "default", held: null, routers: [] },
  names: [
    { name: "a/m", model: "a/m", via: "direct" },
    { name: "no/body", reason: "unknown_model" },
  ],
  draws: [{ drawn: "e1", shares: [{ id: "e1", weight: 1, share: 0.731 }] }],
  endpoints: [
    considered({ selected: true, position: 1, rank: "stable", misses_threshold: true }),
    considered({ id: "e2", tag: "together", reason: "max_price" }),
  ],
};
const SUMMARY = {
  ...{ generation_id: GENERATION, tenant_id: "t", at: "2026-11-26T12:00:00Z", catalogue_version: 7 },
  ...{ model: "a/m", provider: "groq", refused: null },
};
const both = (before: unknown, after: unknown) => ({ before, after });
const side = (share: number, cost: string) => ({ first_choices: 1, share, estimated_cost_nanos: cost });
const REPORT = {
  ...{ decisions: 1204, unreadable: 0, is_cut: false, identical: 1000, first_choice_changed: 96 },
  ...{ order_changed: 131, refused: both(0, 2), estimated_cost_nanos: both("481204000", "460017000") },
  ...{ estimated_latency_p50_ms: both(640, 655), unmatched: ["zz"] },
  providers: [{ provider: "novita", before: side(0.041, "20118000"), after: side(0.12, "51407000") }],
  models: [{ model: "a/m", before: side(1, "1"), after: side(1, "1") }],
  examples: [
    {
      ...{ generation_id: GENERATION, at: "2026-11-26T12:00:00Z", names: ["a/m"] },
      before: { tag: "groq", estimated_cost_nanos: "1000" },
      after: null,
    },
  ],
};
const ANSWERS: Answers = {
  [`GET ${A}/decisions`]: { data: [SUMMARY], next: null },
  [`GET ${A}/decisions/${GENERATION}`]: {
    ...{ ...SUMMARY, request: { models: ["a/m"] }, inputs: {}, plan: {}, explanation: EXPLANATION },
    replay: { identical: true },
  },
  [`GET ${A}/tenants`]: { data: [{ id: "t", name: "Acme", slug: "acme", created_at: "" }] },
  [`POST ${A}/route/explain`]: EXPLANATION,
  [`POST ${A}/route/replay`]: REPORT,
};

test("decisions are listed with their tenants, and narrowed down by the API", async () => {
  const page = openConsole(ANSWERS);
  await page.open("/operator/decisions?model=a%2Fm");
  await sees(GENERATION);
  await sees("Acme");
  expect(page.last(`GET ${A}/decisions`).query).toContain("model=a%2Fm");
  expect(troubles()).toEqual([]);
});

test("where no decision is kept it says what makes one", async () => {
  const page = openConsole({ ...ANSWERS, [`GET ${A}/decisions`]: { data: [], next: null } });
  await page.open("/operator/decisions");
  await sees("No decision is kept");
});

test("a generation's id leads to its decision, which tells why", async () => {
  const page = openConsole(ANSWERS);
  await page.open("/operator/decisions");
  type("A generation's id", "nonsense");
  await press("Explain it");
  await sees("begins with gen-");
  type("A generation's id", GENERATION);
  await press("Explain it");
  const told = [
    "groq goes first, for a/m: 1 of 2 endpoints could serve.",
    "this program would decide the same",
    "73.1%",
    "It misses a preferred latency or throughput",
    "it costs more than the request's max_price",
    "no model is called that",
    "with 5.00% on top",
    "13658515025559025035",
  ];
  for (const text of told) await sees(text);
});

test("a decision that is kept no more is said to be so", async () => {
  const page = openConsole({
    ...ANSWERS,
    [`GET ${A}/decisions/${GENERATION}`]: () => refusal(404, "there is no decision of the generation"),
  });
  await page.open(`/operator/decisions/${GENERATION}`);
  await sees("there is no decision of the generation");
  await sees("Decisions are kept for some days");
});

test("a request is explained as a tenant's, and its draw can be repeated", async () => {
  const page = openConsole(ANSWERS);
  await page.open("/operator/explain?model=a/m");
  type("Request", '{"model": ');
  await press("Explain");
  await sees("The request is no JSON");
  type("Request", '{"model": "a/m", "messages": []}');
  type("As tenant", "acm");
  await choose("Acme");
  await press("Explain");
  await sees("groq goes first");
  const sent = page.last(`POST ${A}/route/explain`);
  expect(sent.body).toEqual({ model: "a/m", messages: [] });
  expect(sent.query).toBe("?tenant=t");
  await press("Keep this draw's seed");
  await press("Explain");
  await vi.waitFor(() =>
    expect(page.last(`POST ${A}/route/explain`).query).toBe("?tenant=t&seed=13658515025559025035"),
  );
});

test("a refusal is explained as well", async () => {
  const refused = { status: 404, message: "No endpoints found for a/m." };
  const page = openConsole({
    ...ANSWERS,
    [`POST ${A}/route/explain`]: {
      seed: "1",
      catalogue_version: 7,
      now_ms: 1,
      refused,
      names: [],
      endpoints: [],
    },
  });
  await page.open("/operator/explain");
  await press("Explain");
  await sees("Refused with 404: No endpoints found for a/m.");
  await sees("No endpoint was considered.");
});

test("a replay asks for what is changed and tells before and after", async () => {
  const page = openConsole(ANSWERS);
  await page.open("/operator/replay");
  type("Markup (%)", "many");
  await press("Replay");
  await sees("The markup: percent, such as 5.");
  type("Markup (%)", "5");
  type("Without", "openai zz");
  await press("Replay");
  for (const text of [
    "1,204",
    "96",
    "$0.460017",
    "−4.4%",
    "4.1%",
    "12.0%",
    "groq → refused",
    "In no catalogue of that time: zz.",
  ])
    await sees(text);
  expect(page.last(`POST ${A}/route/replay`).body).toMatchObject({ markup: 500, disable: ["openai", "zz"] });
});
