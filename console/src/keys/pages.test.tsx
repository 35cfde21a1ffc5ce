// @vitest-environment happy-dom
// Keys as they are made by whoever is signed in.

import { expect, test } from "vitest";

import { openConsole, press, sees, type } from "~/testing";

const KEY = {
  ...{ hash: "h", name: "Laptop", label: "sk-pb-v1-abc...xyz", kind: "inference", disabled: false },
  ...{ created_at: "2026-11-26T12:00:00Z", workspace_id: "w", limit: null, limit_remaining: null },
  ...{ usage: 0, usage_daily: 0, usage_weekly: 0, usage_monthly: 0, last_used_at: null },
};

test("the secret of a new key stays in sight when the list has it", async () => {
  const listed: object[] = [];
  const page = openConsole({
    "GET /api/v1/keys": () => ({ data: [...listed] }),
    "POST /api/v1/keys": () => {
      listed.push(KEY);
      return { data: KEY, key: "sk-pb-v1-secret" };
    },
  });
  await page.open("/keys");
  await press("New key");
  type("Name", "Laptop");
  await press("Create the key");
  await sees("sk-pb-v1-abc...xyz");
  await sees("Copy it now");
  await sees("sk-pb-v1-secret");
  expect(document.querySelectorAll("[role=dialog]").length, "the form is gone").toBe(1);
  await press("I have kept it");
  expect(page.last("POST /api/v1/keys").body).toMatchObject({ name: "Laptop" });
});
