import { expect, test } from "vitest";

import {
  type Price,
  changeOf,
  classOf,
  dollars,
  linesOf,
  marginOf,
  markupAt,
  partsOf,
  percentText,
  picosOf,
  priceOf,
  rateOf,
  typed,
} from "./rates";

const PRICE: Price = {
  base: { input: "0.0000005", output: "0.0000008", request: "0.01" },
  tiers: [{ above_prompt_tokens: 200_000, rates: { input: "0.000001" } }],
  windows: [{ utc_start: "1630", utc_end: "0030", base: { input: "0.00000025" }, weekdays: [6, 7] }],
};

test("what is shown and typed is what is sent, to the last digit", () => {
  const { price, mistakes } = priceOf(partsOf(PRICE));
  expect(mistakes).toEqual({});
  expect(price).toEqual(PRICE);
  expect(partsOf(PRICE)[0]?.rates).toEqual({ input: "0.5", output: "0.8", request: "0.01" });
  expect(rateOf(typed("0.000001", classOf("input")) as bigint)).toBe("0.000000000001");
  expect(rateOf(picosOf("12.5") as bigint)).toBe("12.5");
});

test("what is no price is told where it stands", () => {
  const parts = partsOf(PRICE).map((part) => ({ ...part, rates: { ...part.rates, input: "cheap" } }));
  expect(Object.keys(priceOf(parts).mistakes)).toEqual(["base input", "tier 0 input", "window 0 input"]);
  expect(typed("0.0000001", classOf("input"))).toBeNull();
  expect(typed("-1", classOf("input"))).toBeNull();
  expect(typed("$1,000", classOf("input"))).toBe(picosOf("0.001"));
  expect(priceOf(partsOf(null)).mistakes["base"]).toContain("at least one rate");
});

test("tiers need a number of their own and windows two times", () => {
  const [base, tier, window] = partsOf(PRICE);
  const wrong = [
    base!,
    tier!,
    { ...tier!, key: "tier 1" },
    { ...tier!, key: "tier 2", above: "many" },
    { ...window!, start: "25:00" },
  ];
  const { mistakes } = priceOf(wrong);
  expect(mistakes["tier 1"]).toContain("already");
  expect(mistakes["tier 2"]).toContain("number");
  expect(mistakes["window 0"]).toContain("16:30");
});

test("a change is told class by class, with what stands in for a class that has no rate", () => {
  const lines = linesOf(
    { base: { input: "0.000001", output: "0.000002", cache_read: "0.0000001" } },
    { base: { input: "0.000002", output: "0.000002" } },
  );
  const told = lines.map(({ name, from, to, isChanged }) => [
    name,
    dollars(from.picos, classOf(name)),
    dollars(to.picos, classOf(name)),
    to.as,
    isChanged,
  ]);
  expect(told).toEqual([
    ["input", "$1.00", "$2.00", null, true],
    ["cache_read", "$0.10", "$2.00", "input", true],
    ["output", "$2.00", "$2.00", null, false],
  ]);
});

test("a tier that is new is compared with what counted there before", () => {
  const [, , line] = linesOf(
    { base: { input: "0.000001", output: "0.000002" } },
    {
      base: { input: "0.000001", output: "0.000002" },
      tiers: [{ above_prompt_tokens: 1000, rates: { input: "0.000003" } }],
    },
  );
  expect(line?.where).toBe("above 1,000 prompt tokens");
  expect(percentText(changeOf(line!.from.picos, line!.to.picos))).toBe("+200%");
});

test("what changes in a tier that does not list it is told too", () => {
  const tiers = [{ above_prompt_tokens: 1000, rates: { input: "0.000003" } }];
  const lines = linesOf(
    { base: { input: "0.000001" }, tiers },
    { base: { input: "0.000001", cache_read: "0.0000001" }, tiers },
  );
  expect(lines.map((one) => [one.where, one.name, one.from.picos, one.to.picos])).toEqual([
    ["", "input", 1_000_000n, 1_000_000n],
    ["", "cache_read", 1_000_000n, 100_000n],
    ["above 1,000 prompt tokens", "input", 3_000_000n, 3_000_000n],
    ["above 1,000 prompt tokens", "cache_read", 3_000_000n, 100_000n],
  ]);
});

test("from nothing and from free there is no percentage", () => {
  expect(changeOf(null, 5n)).toBeNull();
  expect(changeOf(0n, 5n)).toBeNull();
  expect(percentText(changeOf(1000n, 995n))).toBe("−0.5%");
});

test("the closest override is the markup, and the margin is its share", () => {
  const plan = {
    markup_basis_points: 500,
    markup_overrides: [
      { basis_points: 100, provider: "openai" },
      { basis_points: 200, model: "openai/gpt-4o" },
      { basis_points: 300, provider: "openai", model: "openai/gpt-4o" },
    ],
  };
  expect(markupAt(plan, "openai", "openai/gpt-4o")).toBe(300);
  expect(markupAt(plan, "azure", "openai/gpt-4o")).toBe(200);
  expect(markupAt(plan, "openai", "openai/o3")).toBe(100);
  expect(markupAt(plan, "groq", "a/b")).toBe(500);
  expect(marginOf(2_000_000n, 500)).toBe(100_000n);
  expect(marginOf(null, 500)).toBeNull();
});
