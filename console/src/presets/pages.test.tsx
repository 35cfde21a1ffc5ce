// @vitest-environment happy-dom
// Presets, kept by whoever is signed in.

import { expect, test, vi } from "vitest";

import { closes, openConsole, press, sees, type } from "~/testing";

const AT = "2026-11-26T12:00:00Z";
const PRESET = {
  ...{ id: "p", slug: "support", name: "support", status: "active", workspace_id: "w" },
  ...{ created_at: AT, updated_at: AT, description: "Of Acme" },
};
const VERSION = {
  ...{ id: "v", preset_id: "p", creator_id: "user:u", version: 1, created_at: AT, updated_at: AT },
  ...{ system_prompt: "Be kind.", config: { model: "acme/echo" } },
};
const ANSWERS = {
  "GET /api/v1/workspaces": { data: [], total_count: 0 },
  "GET /api/v1/presets": { data: [PRESET], total_count: 1 },
  "GET /api/v1/presets/support/versions": { data: [VERSION], total_count: 1 },
  "POST /api/v1/presets/other/chat/completions": { data: PRESET },
};

test("a preset is made with the session, without any key", async () => {
  const page = openConsole(ANSWERS);
  await page.open("/presets");
  await sees("@preset/support");
  await sees("Of Acme");
  await press("New preset");
  type("Slug", "other");
  type("Model", "acme/echo");
  type("System prompt", "Be brief.");
  await press("Keep it");
  const made = await vi.waitFor(() => {
    const all = page.sent.filter((one) => one.name.startsWith("POST"));
    expect(all.length).toBe(1);
    return all[0];
  });
  expect(made?.name).toBe("POST /api/v1/presets/other/chat/completions");
  expect(made?.body).toEqual({
    model: "acme/echo",
    messages: [{ role: "system", content: "Be brief." }],
  });
  await closes();
  const lists = page.sent.filter((one) => one.name === "GET /api/v1/presets");
  expect(lists.length, "the list is read anew").toBe(2);
});

test("the versions of a preset are shown", async () => {
  const page = openConsole(ANSWERS);
  await page.open("/presets");
  await press("@preset/support");
  await sees("Version 1");
  await sees("Be kind.");
});
