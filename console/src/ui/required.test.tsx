// @vitest-environment happy-dom
// What the API would refuse for want of a field is not asked of it.

import { expect, test } from "vitest";

import { field, openConsole, press, type } from "~/testing";

const AUTO = { enabled: true, threshold: 5, amount: 25, card: null, flagged: false };
const ANSWERS = {
  "GET /api/v1/providers": { data: [{ slug: "openai", name: "OpenAI" }] },
  "GET /api/v1/credits/auto-topup": { data: AUTO },
  "GET /admin/v1/plans/company": () => new Response(null, { status: 404 }),
};

test.each([
  { at: "/byok", opens: "New provider key", lacks: "Provider", sends: "Keep it" },
  { at: "/byok", opens: "New provider key", lacks: "Key", sends: "Keep it" },
  { at: "/destinations", opens: "New destination", lacks: "Share of sessions", sends: "Try it and keep it" },
  { at: "/credits", opens: null, lacks: "Amount (USD)", sends: "Go and pay" },
  { at: "/credits", opens: null, lacks: "Buy (USD)", sends: "Save" },
  { at: "/operator/plans/company", opens: null, lacks: "Markup on list prices", sends: "Make the plan" },
  { at: "/operator/explain", opens: null, lacks: "Request", sends: "Explain" },
])("$sends at $at waits for “$lacks”", async ({ at, opens, lacks, sends }) => {
  const page = openConsole(ANSWERS);
  await page.open(at);
  if (opens !== null) await press(opens);
  if (field(lacks).value !== "") type(lacks, "");
  await press(sends);
  expect(field(lacks).validity.valueMissing, "it is said at the field").toBe(true);
  expect(page.sent.filter((one) => !one.name.startsWith("GET "))).toEqual([]);
});
