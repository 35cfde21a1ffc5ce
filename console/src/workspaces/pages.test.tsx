// @vitest-environment happy-dom
// What the forms of a workspace and of the organisation ask the API for.

import { expect, test, vi } from "vitest";

import { field, openConsole, press, sees, type } from "~/testing";

const AT = "2026-11-26T12:00:00Z";
const WORKSPACE = {
  ...{ id: "w", slug: "default", name: "Default", created_at: AT, updated_at: AT, default_guardrail_id: "g" },
  ...{ io_logging_sampling_rate: 1, is_data_discount_logging_enabled: false, prevent_plugin_overrides: true },
  ...{ is_observability_broadcast_enabled: true, is_observability_io_logging_enabled: false },
  default_plugins: [{ id: "web" }],
};
const ORGANIZATION = {
  ...{ id: "o", slug: "acme", name: "Acme", created_at: AT, updated_at: AT },
  ...{ default_plugins: null, prevent_plugin_overrides: false },
};
const ANSWERS = {
  "GET /api/v1/workspaces": { data: [WORKSPACE], total_count: 1 },
  "GET /api/v1/workspaces/w/budgets": { data: [], include_byok_in_budgets: false },
  "PATCH /api/v1/workspaces/w": { data: WORKSPACE },
  "GET /api/v1/organization": { data: ORGANIZATION },
  "PATCH /api/v1/organization": { data: ORGANIZATION },
};

test("a workspace's plugins are shown, and saved once they are a list", async () => {
  const page = openConsole(ANSWERS);
  await page.open("/workspaces/w");
  expect(JSON.parse(field("Entries").value)).toEqual([{ id: "web" }]);
  type("Entries", '[{"id": "web"');
  await sees("This is no JSON");
  await press("Save");
  type("Entries", '[{"id": "auto-router", "allowed_models": ["openai/*"]}]');
  field("These are final:").click();
  await press("Save");
  const changes = await vi.waitFor(() => {
    const all = page.sent.filter((one) => one.name.startsWith("PATCH"));
    expect(all.length).toBe(1);
    return all;
  });
  expect(changes[0]?.body).toMatchObject({
    default_plugins: [{ id: "auto-router", allowed_models: ["openai/*"] }],
    prevent_plugin_overrides: false,
  });
});

test("the organisation's plugins are taken away by nothing", async () => {
  const page = openConsole({
    ...ANSWERS,
    "GET /api/v1/organization": { data: { ...ORGANIZATION, default_plugins: [{ id: "web" }] } },
  });
  await page.open("/settings");
  await vi.waitFor(() => expect(field("Entries").value).toContain("web"));
  type("Entries", "");
  // The last button of this name: the organisation's.
  await press("Save");
  await vi.waitFor(() =>
    expect(page.last("PATCH /api/v1/organization").body).toMatchObject({
      default_plugins: null,
      prevent_plugin_overrides: false,
    }),
  );
});

test("what requests go without is said beside what is stored", async () => {
  const broken = { ...WORKSPACE, default_plugins_error: "`auto-router` has no member `tier`" };
  const page = openConsole({ ...ANSWERS, "GET /api/v1/workspaces": { data: [broken], total_count: 1 } });
  await page.open("/workspaces/w");
  await sees("Requests go without an entry: `auto-router` has no member `tier`.");
});
