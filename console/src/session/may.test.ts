import { expect, test } from "vitest";

import { roleMay, sessionMay } from "./may";

test("owners may everything and viewers change nothing", () => {
  expect(roleMay("owner", "keys.write")).toBe(true);
  expect(roleMay("admin", "audit.read")).toBe(true);
  expect(roleMay("viewer", "keys.write")).toBe(false);
  expect(roleMay("viewer", "activity.read")).toBe(true);
});

test("money is for those who keep the books", () => {
  expect(roleMay("billing", "payments.write")).toBe(true);
  expect(roleMay("developer", "payments.write")).toBe(false);
  expect(roleMay("viewer", "credits.read")).toBe(false);
});

test("what the session says goes before the table", () => {
  const organization = { role: "owner" } as const;
  expect(sessionMay({ organization, actions: ["keys.read"] }, "keys.write")).toBe(false);
  expect(sessionMay({ organization, actions: ["keys.read"] }, "keys.read")).toBe(true);
  expect(sessionMay({ organization }, "keys.write")).toBe(true);
  expect(sessionMay({ organization: null, actions: ["keys.read"] }, "keys.read")).toBe(false);
});
