// @vitest-environment happy-dom
// What operators' dialogs ask the API for.

import { expect, test, vi } from "vitest";

import { type Answers, type Console, OPERATOR, type Sent, openConsole, press, sees, type } from "~/testing";

const AT = "2026-11-26T12:00:00Z";
const PERIOD = { id: "3", state: "open", invoices: 0, opened_at: AT, closed_at: null, drafted_at: null };
const INVOICE = {
  ...{ id: "i", tenant_id: "t", period_id: "1", state: "finalised", payment: "postpaid", sha256: "ab" },
  ...{ number: "INV-2026-000001", charges: "1.5", covered_by_credit: "0", rounding: "0", net: "1.50" },
  ...{ tax: "0.00", total: "1.50", due_on: "2099-01-01", paid: "0", credited: "0.2", left: "1.3" },
  ...{ opening: "0", closing: "-1.5", is_frozen: false, drafted_at: AT, finalise_after: AT },
  ...{ finalised_at: AT, voided_at: null, lines: [], payments: [], credit_notes: [], freeze: null },
  account: { opening: "0", closing: "-1.5", movements: [] },
};
const BALANCE = { available: "1", balance: "1", credit_line: "0", held: "0", tenant_id: "t" };
const PLAN = {
  ...{ name: "default", tenants: 1, version: 1, actor: "", created_at: AT, credit_limit: "0", history: [] },
  ...{ markup_basis_points: 0, markup_overrides: [], own_keys: {}, payment: "prepaid", purchase_fee: {} },
};
const INVARIANT = { invariant: "I1", meaning: "Sums agree", freezes_invoicing: true, breaches: 0 };
const TENANT = { id: "t", slug: "acme", name: "Acme", created_at: AT };

const ANSWERS: Answers = {
  "GET /admin/v1/periods": { data: [PERIOD], next: null },
  "POST /admin/v1/periods/close": { ...PERIOD, state: "closed", closed_at: AT },
  "GET /admin/v1/invoices/i": INVOICE,
  "POST /admin/v1/invoices/i/credit-notes": { number: "CRN-2026-000001" },
  "GET /admin/v1/invariants": ({ query }: Sent) => ({
    invariants: [query === "?kept=true" ? { ...INVARIANT, checked_at: AT } : INVARIANT],
    breaches: [],
  }),
  "GET /admin/v1/tenants": { data: [TENANT] },
  "GET /admin/v1/tenants/t/balance": { ...BALANCE, total_credits: "1", total_usage: "0" },
  "GET /admin/v1/tenants/t/credit-line": { data: null },
  "GET /admin/v1/tenants/t/plan": PLAN,
  "POST /admin/v1/tenants/t/credits": { balance: "6", source_id: "x", tenant_id: "t" },
  "POST /admin/v1/tenants/t/invitations": { data: { email: "ada@acme.example" } },
  "POST /admin/v1/tenants/t/erase": { data: { state: "erasing" } },
  "POST /admin/v1/reconciliations": { bill_id: "b" },
};

/** What was asked that changes something: nothing else than that one thing. */
const changes = (page: Console): Sent[] => page.sent.filter((one) => !one.name.startsWith("GET "));

/** The one change that was asked for, once it is. */
async function asked(page: Console): Promise<Sent> {
  return vi.waitFor(() => {
    const [only, ...others] = changes(page);
    if (only === undefined || others.length > 0) throw new Error(`${changes(page).length} changes`);
    return only;
  }, 3000);
}

test("a period is closed by its id, once somebody read what happens", async () => {
  const page = openConsole(ANSWERS);
  await page.open("/operator/periods");
  await press("Close…");
  await sees("This cannot be taken back.");
  expect(changes(page)).toEqual([]);
  await press("Close the period");
  const { name, body, headers } = await asked(page);
  expect(name).toBe("POST /admin/v1/periods/close");
  expect(body).toEqual({ period_id: "3" });
  expect(headers.get("x-csrf-token")).toBe(OPERATOR.csrf_token);
});

test("all there ever was is checked when somebody asks for it only", async () => {
  const page = openConsole(ANSWERS);
  await page.open("/operator/invariants");
  await sees("holds");
  await press("Check everything");
  await sees("not checked yet");
});

test("voiding credits all that is left of an invoice", async () => {
  const page = openConsole(ANSWERS);
  await page.open("/operator/invoices/i");
  await press("Void");
  type("Reason", "made out to the wrong name");
  await press("Credit all of it");
  const { name, body, headers } = await asked(page);
  expect(name).toBe("POST /admin/v1/invoices/i/credit-notes");
  expect(body).toEqual({ amount: "1.3", reason: "made out to the wrong name" });
  expect(headers.get("idempotency-key")).toMatch(/^[0-9a-f-]{36}$/);
});

test("a gift of credit ends with the day that was said", async () => {
  const page = openConsole(ANSWERS);
  await page.open("/operator/tenants/t");
  await press("Grant credit");
  type("Amount", "5");
  type("Reason", "welcome");
  type("Expires", "2099-12-31");
  type("Idempotency key", "welcome-acme");
  await press("Grant");
  const { body, headers } = await asked(page);
  expect(body).toEqual({
    amount: "5",
    kind: "promotion",
    reason: "welcome",
    expires_at: "2099-12-31T23:59:59Z",
  });
  expect(headers.get("idempotency-key")).toBe("welcome-acme");
});

test("the owner of a tenant is invited by mail", async () => {
  const page = openConsole(ANSWERS);
  await page.open("/operator/tenants/t");
  await press("Invite an owner");
  type("E-mail", " ada@acme.example ");
  await press("Invite");
  const { name, body, headers } = await asked(page);
  expect(name).toBe("POST /admin/v1/tenants/t/invitations");
  expect(body).toEqual({ email: "ada@acme.example" });
  expect(headers.get("idempotency-key")).toMatch(/^[0-9a-f-]{36}$/);
});

test("nothing is erased whose slug was not typed", async () => {
  const page = openConsole(ANSWERS);
  await page.open("/operator/tenants/t?tab=erasure");
  await press("Erase…");
  type("Type", "acmee");
  await press("Erase it for good");
  await sees("Type acme to confirm.");
  expect(changes(page)).toEqual([]);
  type("Type", "acme");
  await press("Erase it for good");
  expect((await asked(page)).body).toEqual({ confirm: "acme" });
});

test("a provider's file is sent as it is", async () => {
  const { importBill } = await import("./bills");
  const page = openConsole(ANSWERS);
  const csv = "day,model,cost\n2026-11-26,gpt-4o,0.5\n";
  await importBill(
    {
      ...{ provider: "openai", format: "generic", first: "2026-11-01", last: "2026-11-30" },
      ...{ columns: "cost = total", models: "" },
    },
    new File([csv], "bill.csv"),
    { "Idempotency-Key": "november" },
  );
  const { body, headers, query } = await asked(page);
  expect(body).toBe(csv);
  expect(headers.get("content-type")).toBe("text/csv");
  expect(headers.get("idempotency-key")).toBe("november");
  expect(Object.fromEntries(new URLSearchParams(query))).toEqual({
    ...{ provider: "openai", format: "generic", first_day: "2026-11-01", last_day: "2026-11-30" },
    ...{ file_name: "bill.csv", columns: '{"cost":"total"}' },
  });
});
