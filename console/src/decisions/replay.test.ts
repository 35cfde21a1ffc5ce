import { expect, test } from "vitest";

import { EMPTY, replayOf, shift } from "./replay";

const NOW = Date.parse("2026-11-26T12:00:00Z");

test("only what is changed is asked for", () => {
  expect(replayOf(EMPTY, NOW)).toEqual({ since: "2026-11-25T12:00:00.000Z", limit: 10_000 });
  const form = {
    ...EMPTY,
    hours: "1",
    limit: "",
    attempts: "2",
    policy: '{"auto": {"cost_tier": "low"}}',
    prices: '[{"model": "a/m", "provider": "p", "price": {"base": {"input": "0"}}}]',
    disable: "openai, azure",
    markup: "5.5",
  };
  expect(replayOf(form, NOW)).toEqual({
    since: "2026-11-26T11:00:00.000Z",
    policy: { auto: { cost_tier: "low" }, max_attempts: 2 },
    prices: [{ model: "a/m", provider: "p", price: { base: { input: "0" } } }],
    disable: ["openai", "azure"],
    markup: 550,
  });
});

test("what cannot be asked for is named", () => {
  expect(() => replayOf({ ...EMPTY, policy: "[]" }, NOW)).toThrow("The policy");
  expect(() => replayOf({ ...EMPTY, prices: "{}" }, NOW)).toThrow("Prices");
  expect(() => replayOf({ ...EMPTY, prices: "[" }, NOW)).toThrow("Prices");
  expect(() => replayOf({ ...EMPTY, attempts: "0" }, NOW)).toThrow("Attempts");
  expect(() => replayOf({ ...EMPTY, markup: "five" }, NOW)).toThrow("markup");
});

test("a shift from nothing is none", () => {
  expect(shift({ before: "200", after: "150" })).toBe(-25);
  expect(shift({ before: 0, after: 5 })).toBeNull();
  expect(shift({ before: null, after: 5 })).toBeNull();
});
