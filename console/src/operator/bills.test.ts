import { expect, test } from "vitest";

import { isCompared, mapOf } from "./bills";

test("maps are typed a line each", () => {
  expect(mapOf("day = usage_date\ncost=total = USD\n", "Columns")).toBe(
    '{"day":"usage_date","cost":"total = USD"}',
  );
  expect(mapOf(" \n", "Columns")).toBeNull();
  expect(() => mapOf("day", "Columns")).toThrow("Columns");
  expect(() => mapOf("day =", "Columns")).toThrow("one = other");
});

test("a bill that failed is waited for no longer", () => {
  expect(isCompared({ compared_at: null, error: null })).toBe(false);
  expect(isCompared({ compared_at: null, error: "no" })).toBe(true);
});
