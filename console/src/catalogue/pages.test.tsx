// @vitest-environment happy-dom

import { expect, test, vi } from "vitest";

import { closes, type Answers, field, openConsole, press, refusal, sees, troubles, type } from "~/testing";

const TIMEOUTS = { connect_ms: null, first_token_ms: null, stall_ms: null, total_ms: null };
const PROVIDER = {
  ...{ slug: "acme", name: "Acme", dialect: "openai", base_url: "https://api.acme.example/v1", quirks: {} },
  ...{ credential_env: null, credential_required: false, credential: null, cancel_stops_billing: true },
  ...{ collects_data: null, zero_data_retention: false, headquarters: "US", datacenters: ["DE"] },
  ...{ privacy_policy_url: null, terms_of_service_url: null, status_page_url: null, simulated: false },
  ...{ disabled: false, timeouts: TIMEOUTS },
};
const PRICE = { id: "p1", base: { input: "0.0000005", output: "0.0000008" }, tiers: [], windows: [] };
const ID = "01a217ce-17b9-7797-a845-119f490a1165";
const ENDPOINT = {
  ...{ id: ID, model: "acme/atlas-1", tag: "acme", provider: "acme", provider_model: "atlas" },
  ...{ dialect: "openai", base_url: "https://api.acme.example/v1", context_length: 8192, max_output: null },
  ...{ quantization: null, service_tier: null, region: "eu", collects_data: null, zero_data_retention: null },
  ...{ implicit_caching: false, quirks: {}, timeouts: TIMEOUTS, deprecation_date: null },
  ...{ supported_parameters: null, credential_id: null, disabled: false, simulated: false, usable: true },
  ...{ unusable_because: null, price: PRICE },
  health: {
    ...{ state: "healthy", ejected_for_ms: null, cooling_for_ms: 0, outage: false, uptime: "good" },
    ...{ latency_ms: 412, throughput: 80, successes: 9, faults: 1, rate_limits: 0 },
  },
};
const MODEL = {
  ...{ slug: "acme/atlas-1", canonical_slug: "acme/atlas-1", name: "Atlas 1", created: 1_700_000_000 },
  ...{ aliases: ["acme/atlas"], context_length: 8192, max_output: null, input_modalities: ["text"] },
  ...{ output_modalities: ["text"], supported_parameters: [], tokenizer: "", hugging_face_id: null },
  ...{ family: null, distillable: null, knowledge_cutoff: null, default_parameters: null, scores: {} },
  ...{ scores_source: null, quirks: {}, first_token_ms: null, disabled: false, endpoints: [ENDPOINT] },
};
const HEALTH = {
  ...{
    endpoint_id: ID,
    model: "acme/atlas-1",
    provider: "acme",
    tag: "acme",
    usable: true,
    state: "half_open",
  },
  credentials: [
    {
      ...{
        credential_id: null,
        is_platform: true,
        state: "half_open",
        ejected_for_ms: null,
        cooling_for_ms: 0,
      },
      ...{ outage: true, windows: { "5m": { successes: 9, faults: 7, rate_limits: 0, uptime: null } } },
      ...{ latency_ms: {}, throughput: {}, last_seen: "2026-11-26T12:00:30Z" },
      day: {
        ...{ from: "2026-11-25T12:15:00Z", to: "2026-11-26T12:15:00Z", bucket_seconds: 900 },
        buckets: [],
      },
      history: [
        {
          ...{ at: "2026-11-26T12:00:00Z", event: "ejected", until: "2026-11-26T12:00:15Z" },
          cause: "5 faults in a row",
        },
      ],
    },
  ],
};
const version = (members: object) => ({
  ...{ ...PRICE, state: "in_effect", source: "catalogue", withdrawn_at: null },
  ...{ effective_at: "2026-11-01T00:00:00Z", created_at: "2026-11-01T00:00:00Z" },
  ...members,
});
const PRICES = [
  version({ id: "p1" }),
  version({
    ...{ id: "p0", state: "past", effective_at: "2026-10-01T00:00:00Z" },
    base: { input: "0.000001", output: "0.0000008" },
  }),
  version({
    id: "p2",
    state: "upcoming",
    effective_at: "2027-01-01T00:00:00Z",
    base: { input: "0.0000002" },
  }),
];
const CHANGES = [
  {
    ...{ id: 2, catalogue_version: 5, at: "2026-11-26T12:00:00Z", actor: "operator:ada", subject: "acme" },
    ...{ action: "put_provider", before: { headquarters: "US" }, after: { headquarters: "NL" } },
  },
];
const PLANS = [
  {
    ...{ name: "default", markup_basis_points: 500, payment: "prepaid" },
    markup_overrides: [{ basis_points: 1000, provider: "acme" }],
  },
];

const A = "/admin/v1";
const rows = (data: unknown[]) => ({ version: 4, data, next: null });
const ANSWERS: Answers = {
  [`GET ${A}/providers`]: rows([PROVIDER]),
  [`GET ${A}/providers/acme`]: { version: 4, data: PROVIDER },
  [`GET ${A}/endpoints`]: rows([ENDPOINT]),
  [`GET ${A}/endpoints/${ID}`]: { version: 4, data: ENDPOINT },
  [`GET ${A}/endpoints/${ID}/health`]: { endpoints: [HEALTH] },
  [`GET ${A}/models`]: rows([MODEL]),
  [`GET ${A}/models/acme/atlas-1`]: { version: 4, data: MODEL },
  [`GET ${A}/prices`]: { data: PRICES },
  [`GET ${A}/changes`]: { data: CHANGES, next: null },
  [`GET ${A}/health`]: { endpoints: [] },
  [`GET ${A}/plans`]: { data: PLANS },
};
const NOTHING: Answers = {
  [`GET ${A}/providers`]: rows([]),
  [`GET ${A}/endpoints`]: rows([]),
  [`GET ${A}/models`]: rows([]),
  [`GET ${A}/changes`]: { data: [], next: null },
  [`GET ${A}/health`]: { endpoints: [] },
};

test.each([
  ["/operator/providers", "There is no provider yet"],
  ["/operator/endpoints", "There is no endpoint yet"],
  ["/operator/models", "There is no model yet"],
  ["/operator/prices", "Nothing has a price yet"],
  ["/operator/changes", "Nothing was changed yet"],
])("%s says that there is nothing yet", async (address, text) => {
  const page = openConsole(NOTHING);
  await page.open(address);
  await sees(text);
  expect(troubles()).toEqual([]);
});

test.each([
  ["/operator/providers", "in use"],
  ["/operator/providers/acme", "are charged"],
  ["/operator/endpoints", "412 ms"],
  ["/operator/endpoints?q=atlas&show=used&provider=acme", "$0.80"],
  ["/operator/endpoints?q=nobody", "No endpoint meets all of these"],
  [`/operator/endpoints/${ID}`, "half open"],
  ["/operator/models", "1 of 1"],
  ["/operator/model/acme/atlas-1", "acme/atlas"],
  ["/operator/prices", "$0.50"],
  ["/operator/changes?subject=acme", "US → NL"],
])("%s shows what there is", async (address, text) => {
  const page = openConsole({
    ...ANSWERS,
    [`GET ${A}/providers/acme`]: { data: { ...PROVIDER, cancel_stops_billing: false } },
  });
  await page.open(address);
  await sees(text);
  expect(troubles()).toEqual([]);
  expect(document.querySelector("style")).toBeNull();
});

test("a list is read page by page until its end", async () => {
  const many = Array.from({ length: 450 }, (_, place) => ({ ...ENDPOINT, id: `e${place}` }));
  const answer = ({ query }: { query: string }) => {
    const asked = new URLSearchParams(query);
    const from = Number((asked.get("after") ?? "e-1").slice(1)) + 1;
    const data = many.slice(from, from + Number(asked.get("limit")));
    return { version: 4, data, next: from + data.length < many.length ? data.at(-1)?.id : null };
  };
  const page = openConsole({ ...ANSWERS, [`GET ${A}/endpoints`]: answer });
  await page.open("/operator/endpoints");
  await sees("450 of 450");
  expect(page.sent.filter((one) => one.name === `GET ${A}/endpoints`).length).toBe(3);
});

test("an endpoint tells its prices, past and future, and how its state changed", async () => {
  const page = openConsole(ANSWERS);
  await page.open(`/operator/endpoints/${ID}`);
  for (const text of [
    "upcoming",
    "in effect",
    "past",
    "−50%",
    "−60%",
    "Changes of state (1)",
    "5 faults in a row",
    "No traffic in the last day.",
  ])
    await sees(text);
  const line = document.querySelector(".state-line")?.getAttribute("aria-label");
  expect(line).toContain("half open");
});

test("a provider is changed after a dry run, under the tag of what was read", async () => {
  const page = openConsole({
    ...ANSWERS,
    [`PATCH ${A}/providers/acme`]: ({ body }: { body: { dry_run?: boolean } }) =>
      body.dry_run
        ? {
            ...{ dry_run: true, id: "acme", action: "put_provider", catalogue_version: 4, warnings: [] },
            changes: { headquarters: { from: "US", to: "NL" }, total_ms: { from: null, to: 9000 } },
          }
        : { id: "acme", catalogue_version: 4 },
  });
  await page.open("/operator/providers/acme");
  await press("Change");
  await press("Preview the change");
  await sees("Nothing was changed.");
  type("Headquarters", "NL");
  type("In all", "9000");
  await press("Preview the change");
  await sees("This was a dry run on version 4");
  const members = { headquarters: "NL", timeouts: { total_ms: 9000 } };
  expect(page.last(`PATCH ${A}/providers/acme`).body).toEqual({ ...members, dry_run: true });
  await press("Apply");
  await closes();
  const sent = page.last(`PATCH ${A}/providers/acme`);
  expect(sent.body).toEqual(members);
  expect(sent.headers.get("if-match")).toBe('W/"1"');
});

test("what the API refuses stays in the form, in its words", async () => {
  const page = openConsole({
    ...ANSWERS,
    [`PATCH ${A}/providers/acme`]: () => refusal(400, "`headquarters` must be two capital letters"),
  });
  await page.open("/operator/providers/acme");
  await press("Change");
  type("Headquarters", "Nowhere");
  await press("Preview the change");
  await sees("`headquarters` must be two capital letters");
  expect(field("Headquarters").value).toBe("Nowhere");
});

test("an endpoint is switched off, and said to be so beforehand", async () => {
  const page = openConsole({
    ...ANSWERS,
    [`DELETE ${A}/endpoints/${ID}`]: { id: ID, catalogue_version: 4, disabled: true },
  });
  await page.open(`/operator/endpoints/${ID}`);
  await press("Switch off");
  await sees("It can be switched on again.");
  await press("Switch off");
  await closes();
  expect(page.last(`DELETE ${A}/endpoints/${ID}`).headers.get("if-match")).toBe('W/"1"');
});

test("a new endpoint is sent with its first price as rates per token", async () => {
  const preview = {
    dry_run: true,
    id: "x",
    action: "put_endpoint",
    catalogue_version: 4,
    warnings: [],
    changes: {},
  };
  const page = openConsole({ ...ANSWERS, [`POST ${A}/endpoints`]: preview });
  await page.open("/operator/endpoints?provider=acme&model=acme/atlas-1");
  await press("New endpoint");
  await press("Preview the change");
  await sees("It is needed.");
  await sees("To be looked at again: model at the provider.");
  type("Model at the provider", "atlas-1");
  await press("Preview the change");
  await sees("A new endpoint needs a price");
  type("Input", "0.25");
  await press("Preview the change");
  await sees("This was a dry run");
  expect(page.last(`POST ${A}/endpoints`).body).toEqual({
    ...{ model: "acme/atlas-1", provider: "acme", provider_model: "atlas-1", dry_run: true },
    price: { base: { input: "0.00000025" } },
  });
});

test("a model is deprecated at each of its endpoints", async () => {
  const page = openConsole({ ...ANSWERS, [`PATCH ${A}/endpoints/${ID}`]: { id: ID, catalogue_version: 4 } });
  await page.open("/operator/model/acme/atlas-1");
  await press("Deprecate");
  type("Served until", "2027-03-31");
  await press("Set the last day");
  await closes();
  expect(page.last(`PATCH ${A}/endpoints/${ID}`).body).toEqual({ deprecation_date: "2027-03-31" });
});

const JUMP = "the price of `input` would jump more than tenfold";
const PRICE_ANSWERS: Answers = {
  ...ANSWERS,
  [`POST ${A}/prices`]: ({ body }: { body: { dry_run?: boolean; price: object; effective_at?: string } }) =>
    body.dry_run
      ? {
          ...{
            dry_run: true,
            id: "p3",
            action: "put_price",
            catalogue_version: 4,
            changes: {},
            warnings: [JUMP],
          },
          price: { from: PRICE, to: body.price, effective_at: body.effective_at ?? null },
          rank: { model: "acme/atlas-1", from: 1, to: 3, of: 3 },
        }
      : { id: "p3", catalogue_version: 4 },
  [`POST ${A}/route/replay`]: {
    ...{ decisions: 40, unreadable: 0, identical: 2, first_choice_changed: 10, order_changed: 12 },
    ...{ refused: { before: 0, after: 0 }, estimated_cost_nanos: { before: "1000000", after: "2000000" } },
    ...{
      estimated_latency_p50_ms: { before: 1, after: 1 },
      providers: [],
      models: [],
      unmatched: [],
      examples: [],
    },
  },
};

test("a price is previewed rate by rate with its margin, and set only when its jump is meant", async () => {
  const page = openConsole(PRICE_ANSWERS);
  await page.open("/operator/prices");
  await press("New price for acme, acme/atlas-1");
  type("Input per 1M tokens", "cheap");
  await press("Preview the effect");
  await sees("An amount in USD.");
  type("Input per 1M tokens", "6");
  await press("Preview the effect");
  // 10% on top, by the override for this provider.
  for (const text of [
    "$0.50",
    "$6.00",
    "+1100%",
    "$0.05",
    "$0.60",
    "10.00% on top",
    "from the 1st to the 3rd of 3",
    JUMP,
  ])
    await sees(text);
  const set = () =>
    [...document.querySelectorAll("button")].find((one) => one.textContent === "Set the price");
  expect(set()?.disabled).toBe(true);
  await press("Try it on the decisions of the last 24 hours");
  await sees("Of 40 decisions 10 would have gone elsewhere");
  field("It is meant like this").click();
  await press("Set the price");
  await closes();
  const sent = page.last(`POST ${A}/prices`);
  expect(sent.body).toEqual({
    ...{ endpoint_id: ID, force: true },
    price: { base: { input: "0.000006", output: "0.0000008" }, tiers: [], windows: [] },
  });
  expect(sent.headers.get("idempotency-key")).toBeTruthy();
});

test("a price for later needs a moment in the future", async () => {
  const page = openConsole(PRICE_ANSWERS);
  await page.open(`/operator/endpoints/${ID}`);
  await press("New price");
  type("In effect", "later");
  await press("Preview the effect");
  await vi.waitFor(() => expect(field("From (UTC)").validity.valueMissing).toBe(true));
  type("From (UTC)", "2020-01-01T00:00");
  await press("Preview the effect");
  await sees("A price for later begins in the future.");
  type("From (UTC)", "2099-01-01T00:00");
  await press("Preview the effect");
  await sees("What the price would do");
  expect(page.last(`POST ${A}/prices`).body).toMatchObject({ effective_at: "2099-01-01T00:00:00.000Z" });
});

test("a price that is upcoming is withdrawn", async () => {
  const page = openConsole({ ...ANSWERS, [`DELETE ${A}/prices/p2`]: { id: "p2", catalogue_version: 4 } });
  await page.open(`/operator/endpoints/${ID}`);
  await press("Withdraw");
  await sees("It stays in the list and never takes effect.");
  await press("Withdraw");
  await closes();
  expect(page.last(`DELETE ${A}/prices/p2`).body).toBeNull();
});
