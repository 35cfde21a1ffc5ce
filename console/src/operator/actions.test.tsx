// @vitest-environment happy-dom
// What operators' dialogs ask the API for.

import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider, createMemoryHistory, createRouter } from "@tanstack/react-router";
import { type Root, createRoot } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { queries } from "~/queries";
import { router as real } from "~/router";

const AT = "2026-11-26T12:00:00Z";
const SESSION = {
  actions: [],
  session_id: "s",
  csrf_token: "token",
  user: { id: "u", email: "ada@example.com", name: "Ada", is_platform_admin: true, has_password: true },
  organization: { id: "o", slug: "acme", name: "Acme", role: "owner" },
  organizations: [],
};
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

const ANSWERS: Record<string, unknown> = {
  "GET /account/v1/session": { data: SESSION },
  "GET /admin/v1/periods": { data: [PERIOD], next: null },
  "POST /admin/v1/periods/close": { ...PERIOD, state: "closed", closed_at: AT },
  "GET /admin/v1/invoices/i": INVOICE,
  "POST /admin/v1/invoices/i/credit-notes": { number: "CRN-2026-000001" },
  "GET /admin/v1/invariants": { invariants: [INVARIANT], breaches: [] },
  "GET /admin/v1/invariants?kept=true": { invariants: [{ ...INVARIANT, checked_at: AT }], breaches: [] },
  "GET /admin/v1/tenants": { data: [TENANT] },
  "GET /admin/v1/tenants/t/balance": { ...BALANCE, total_credits: "1", total_usage: "0" },
  "GET /admin/v1/tenants/t/credit-line": { data: null },
  "GET /admin/v1/tenants/t/plan": PLAN,
  "POST /admin/v1/tenants/t/credits": { balance: "6", source_id: "x", tenant_id: "t" },
  "POST /admin/v1/tenants/t/invitations": { data: { email: "ada@acme.example" } },
  "POST /admin/v1/tenants/t/erase": { data: { state: "erasing" } },
  "POST /admin/v1/reconciliations": { bill_id: "b" },
};

interface Change {
  name: string;
  headers: Headers;
  query: URLSearchParams;
  body: string;
}
let changes: Change[] = [];

async function answer(input: RequestInfo | URL): Promise<Response> {
  const request = input as Request;
  const url = new URL(request.url);
  const name = `${request.method} ${url.pathname}`;
  if (request.method !== "GET")
    changes.push({ name, headers: request.headers, query: url.searchParams, body: await request.text() });
  return Response.json(ANSWERS[name + url.search] ?? ANSWERS[name] ?? { data: [], next: null });
}

let root: Root;

for (const side of ["clientHeight", "clientWidth"]) {
  Object.defineProperty(HTMLElement.prototype, side, { configurable: true, get: () => 600 });
}

beforeEach(() => {
  changes = [];
  queries.clear();
  vi.stubGlobal("fetch", answer);
  document.body.innerHTML = '<div id="root"></div>';
  root = createRoot(document.getElementById("root") as HTMLElement);
});

afterEach(() => {
  root.unmount();
  vi.unstubAllGlobals();
});

function open(address: string): void {
  const history = createMemoryHistory({ initialEntries: [address] });
  const router = createRouter({ ...real.options, history } as typeof real.options);
  root.render(
    <QueryClientProvider client={queries}>
      <RouterProvider router={router as typeof real} />
    </QueryClientProvider>,
  );
}

const button = (text: string) =>
  vi.waitFor(() => {
    const all = [...document.querySelectorAll("button")];
    const found = all.filter((one) => one.textContent === text && !one.disabled).at(-1);
    if (!found) throw new Error(`no button ${text}: ${document.body.textContent}`);
    return found;
  }, 3000);
const press = async (text: string) => (await button(text)).click();

async function fill(label: string, text: string): Promise<void> {
  const input = await vi.waitFor(() => {
    const found = [...document.querySelectorAll("label")].find((one) => one.textContent?.startsWith(label));
    const element = found && document.getElementById(found.htmlFor);
    if (!(element instanceof HTMLInputElement)) throw new Error(`no field ${label}`);
    return element;
  });
  // React listens to its own setter's events.
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set?.call(input, text);
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

const asked = () => vi.waitFor(() => expect(changes.length).toBe(1), 3000).then(() => changes[0] as Change);

test("a period is closed by its id, once somebody read what happens", async () => {
  open("/operator/periods");
  await press("Close…");
  expect((await button("Close the period")).closest("[role=dialog]")?.textContent).toContain(
    "This cannot be taken back.",
  );
  expect(changes).toEqual([]);
  await press("Close the period");
  const { name, body, headers } = await asked();
  expect(name).toBe("POST /admin/v1/periods/close");
  expect(JSON.parse(body)).toEqual({ period_id: "3" });
  expect(headers.get("x-csrf-token")).toBe("token");
});

test("all there ever was is checked when somebody asks for it only", async () => {
  open("/operator/invariants");
  const says = (text: string) =>
    vi.waitFor(
      () => expect(document.querySelector("[role=table], table")?.textContent).toContain(text),
      3000,
    );
  await says("holds");
  await press("Check everything");
  await says("not checked yet");
});

test("voiding credits all that is left of an invoice", async () => {
  open("/operator/invoices/i");
  await press("Void");
  await fill("Reason", "made out to the wrong name");
  await press("Credit all of it");
  const { name, body, headers } = await asked();
  expect(name).toBe("POST /admin/v1/invoices/i/credit-notes");
  expect(JSON.parse(body)).toEqual({ amount: "1.3", reason: "made out to the wrong name" });
  expect(headers.get("idempotency-key")).toMatch(/^[0-9a-f-]{36}$/);
});

test("a gift of credit ends with the day that was said", async () => {
  open("/operator/tenants/t");
  await press("Grant credit");
  await fill("Amount", "5");
  await fill("Reason", "welcome");
  await fill("Expires", "2099-12-31");
  await fill("Idempotency key", "welcome-acme");
  await press("Grant");
  const { body, headers } = await asked();
  expect(JSON.parse(body)).toEqual({
    amount: "5",
    kind: "promotion",
    reason: "welcome",
    expires_at: "2099-12-31T23:59:59Z",
  });
  expect(headers.get("idempotency-key")).toBe("welcome-acme");
});

test("the owner of a tenant is invited by mail", async () => {
  open("/operator/tenants/t");
  await press("Invite an owner");
  await fill("E-mail", " ada@acme.example ");
  await press("Invite");
  const { name, body, headers } = await asked();
  expect(name).toBe("POST /admin/v1/tenants/t/invitations");
  expect(JSON.parse(body)).toEqual({ email: "ada@acme.example" });
  expect(headers.get("idempotency-key")).toMatch(/^[0-9a-f-]{36}$/);
});

test("nothing is erased whose slug was not typed", async () => {
  open("/operator/tenants/t?tab=erasure");
  await press("Erase…");
  await fill("Type", "acmee");
  await press("Erase it for good");
  await vi.waitFor(() => expect(document.body.textContent).toContain("Type acme to confirm."));
  expect(changes).toEqual([]);
  await fill("Type", "acme");
  await press("Erase it for good");
  expect(JSON.parse((await asked()).body)).toEqual({ confirm: "acme" });
});

test("a provider's file is sent as it is", async () => {
  const { importBill } = await import("./bills");
  const csv = "day,model,cost\n2026-11-26,gpt-4o,0.5\n";
  await importBill(
    {
      ...{ provider: "openai", format: "generic", first: "2026-11-01", last: "2026-11-30" },
      ...{ columns: "cost = total", models: "" },
    },
    new File([csv], "bill.csv"),
    { "Idempotency-Key": "november" },
  );
  const { body, headers, query } = await asked();
  expect(body).toBe(csv);
  expect(headers.get("content-type")).toBe("text/csv");
  expect(headers.get("idempotency-key")).toBe("november");
  expect(Object.fromEntries(query)).toEqual({
    ...{ provider: "openai", format: "generic", first_day: "2026-11-01", last_day: "2026-11-30" },
    ...{ file_name: "bill.csv", columns: '{"cost":"total"}' },
  });
});
