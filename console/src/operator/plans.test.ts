import { expect, test } from "vitest";

import { FRESH, formOf, mistakesOf, pointsOf, termsOf } from "./plans";

const TERMS = {
  markup_basis_points: 1025,
  markup_overrides: [{ provider: "openai", model: "", basis_points: 0 }],
  purchase_fee: { basis_points: 550, minimum: "0.8" },
  own_keys: { fee_basis_points: 500, monthly_allowance: null },
  payment: "postpaid" as const,
  credit_limit: "500",
  currency: "USD" as const,
};

test("percentages are basis points, exactly", () => {
  expect(pointsOf("5.5")).toBe(550);
  expect(pointsOf("7.05 %")).toBe(705);
  expect(pointsOf("0.29")).toBe(29);
  expect(pointsOf("1.234")).toBeNull();
  expect(pointsOf("-1")).toBeNull();
  expect(pointsOf("")).toBeNull();
});

test("a version that is saved as it was says the same", () => {
  expect(formOf(TERMS).markup).toBe("10.25");
  expect(termsOf(formOf(TERMS))).toEqual({
    markup_basis_points: 1025,
    markup_overrides: [{ provider: "openai", basis_points: 0 }],
    purchase_fee: { basis_points: 550, minimum: "0.8" },
    own_keys: { fee_basis_points: 500, monthly_allowance: null },
    payment: "postpaid",
    credit_limit: "500",
  });
});

test("prepaid plans have no line", () => {
  expect(termsOf({ ...FRESH, creditLimit: "500" })).not.toHaveProperty("credit_limit");
});

test("mistakes are found before anything is sent", () => {
  expect(mistakesOf(FRESH)).toEqual({});
  const form = { ...FRESH, markup: "1000.01", overrides: [{ provider: "", model: " ", percent: "1" }] };
  expect(Object.keys(mistakesOf(form))).toEqual(["markup", "overrides"]);
});
