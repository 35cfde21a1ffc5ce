// @vitest-environment happy-dom
// What an entry of the audit log says of its change.

import { expect, test } from "vitest";

import { openConsole, press, sees } from "~/testing";

const ID = "01a217ce-17b9-7797-a845-119f490a1165";
const entry = (details: object) => ({
  ...{ id: 1, at: "2026-11-26T12:00:00Z", actor: "user:u", action: "key.update", target: "key:k" },
  details,
});

test("what little was changed is whole at once", async () => {
  const page = openConsole({ "GET /account/v1/audit": { data: [entry({ workspace: ID })], next: null } });
  await page.open("/audit");
  await sees(ID);
});

test("more is whole once it is opened", async () => {
  const details = { workspace: ID, name: "Laptop", limit: 5, reset: "monthly" };
  const page = openConsole({ "GET /account/v1/audit": { data: [entry(details)], next: null } });
  await page.open("/audit");
  await sees("Laptop");
  expect(document.body.textContent).not.toContain(ID);
  await press("1 more");
  await sees(ID);
});
