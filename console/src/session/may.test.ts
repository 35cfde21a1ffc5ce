import { expect, test } from "vitest";

import { roleMay } from "./may";

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
