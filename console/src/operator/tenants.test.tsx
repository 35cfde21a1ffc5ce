// @vitest-environment happy-dom
// Tenants are searched for by the API and read page by page.

import { expect, test, vi } from "vitest";

import { type Sent, choose, field, openConsole, press, refusal, sees, troubles, type } from "~/testing";

import { tenantsSearch } from "./tenants";

const AT = "2026-11-26T12:00:00Z";
const TENANTS = "GET /admin/v1/tenants";
const tenant = (id: string, name: string, members: object = {}) => ({
  ...{ id, name, slug: name.toLowerCase(), created_at: AT, plan: "default", balance: "12.5" },
  ...{ is_postpaid: false, erased_at: null },
  ...members,
});
const ACME = tenant("a1", "Acme");
const OWES = tenant("b2", "Bolt", { is_postpaid: true, balance: "-3.25", plan: "company" });
const GONE = tenant("c3", "Gone", { erased_at: AT, plan: null, balance: null, is_postpaid: null });

/** Answers as the API does: two at a time. */
function list(asked: Sent): object {
  const query = new URLSearchParams(asked.query);
  const search = query.get("search")?.toLowerCase() ?? "";
  const found = [ACME, OWES, GONE].filter((one) => one.slug.includes(search) || one.id.startsWith(search));
  const after = found.slice(found.findIndex((one) => one.id === query.get("cursor")) + 1);
  return { data: after.slice(0, 2), next: after.length > 2 ? after[1]?.id : null };
}

test("tenants are listed with what they are on, page by page", async () => {
  const page = openConsole({ [TENANTS]: list });
  await page.open("/operator/tenants");
  for (const text of ["Acme", "$12.50", "postpaid", "−$3.25", "company"]) await sees(text);
  await press("Show more");
  await sees("erased");
  expect(page.last(TENANTS).query).toContain("cursor=b2");
  expect(troubles()).toEqual([]);
});

test("of a tenant that is not there nothing is asked", async () => {
  const page = openConsole({ [TENANTS]: list });
  await page.open("/operator/tenants/nobody");
  await sees("There is no such tenant.");
  expect(page.sent.filter((one) => one.name.startsWith(`${TENANTS}/`))).toEqual([]);
});

test("what is searched for is in the address and asked of the API", async () => {
  const page = openConsole({ [TENANTS]: list });
  await page.open("/operator/tenants?q=bol");
  await sees("Bolt");
  expect(page.last(TENANTS).query).toContain("search=bol");
  type("Search tenants", "gon");
  await sees("Gone");
  expect(page.last(TENANTS).query).toContain("search=gon");
  type("Search tenants", "nobody");
  await sees("No tenant is called that.");
  expect(tenantsSearch({ q: 12 })).toEqual({ q: "12" });
});

test("a tenant is chosen by typing, and let go of again", async () => {
  const page = openConsole({ [TENANTS]: list });
  await page.open("/operator/invoices");
  type("Tenant", "bol");
  await vi.waitFor(() => expect(page.last(TENANTS).query).toContain("search=bol"));
  await choose("Bolt");
  await vi.waitFor(() => expect(page.last("GET /admin/v1/invoices").query).toContain("tenant_id=b2"));
  await vi.waitFor(() => expect(field("Tenant").value).toBe("Bolt"));
  await press("Choose no tenant");
  await vi.waitFor(() => expect(field("Tenant").value).toBe(""));
});

test("a tenant of the address is shown by its name", async () => {
  const page = openConsole({ [TENANTS]: list });
  await page.open("/operator/invoices?tenant=c3");
  await vi.waitFor(() => expect(field("Tenant").value).toBe("Gone"));
});

test("a tenant that is asked for again is the same request, another one is not", async () => {
  const POST = "POST /admin/v1/tenants";
  const page = openConsole({
    [TENANTS]: list,
    [POST]: () => refusal(503, "Nobody knows whether it was made."),
  });
  await page.open("/operator/tenants");
  await press("New tenant");
  type("Name", "Delta");
  const keys: (string | null)[] = [];
  for (const [name, turn] of [
    ["Delta", 1],
    ["Delta", 2],
    ["Echo", 3],
  ] as const) {
    type("Name", name);
    await press("Create");
    await vi.waitFor(() => expect(page.sent.filter((one) => one.name === POST).length).toBe(turn));
    keys.push(page.last(POST).headers.get("idempotency-key"));
    await sees("Nobody knows whether it was made.");
  }
  expect(keys[0]).toBeTruthy();
  expect(keys[1], "sent again as it was").toBe(keys[0]);
  expect(keys[2], "sent with another name").not.toBe(keys[0]);
});
