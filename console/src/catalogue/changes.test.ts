import { expect, test } from "vitest";

import { actionText, differencesOf, kindOf } from "./changes";
import type { Change } from "./rows";

const change = (members: Partial<Change>): Change => ({
  id: 1,
  catalogue_version: 2,
  at: "2026-11-26T12:00:00Z",
  actor: "operator:admin",
  action: "put_provider",
  subject: "acme",
  before: null,
  after: null,
  ...members,
});

test("only members that differ are told, and nothing is nothing", () => {
  const before = { slug: "acme", quirks: {}, datacenters: [], headquarters: "US", disabled: false };
  const after = {
    slug: "acme",
    quirks: { drop: ["n"] },
    datacenters: null,
    headquarters: "NL",
    disabled: false,
  };
  expect(differencesOf({ before, after })).toEqual([
    { member: "headquarters", from: "US", to: "NL" },
    { member: "quirks.drop", from: undefined, to: ["n"] },
  ]);
});

test("rates are told in dollars", () => {
  const book = (input: number) => ({
    base: { input, request: 1_000_000_000 },
    tiers: [{ input, above_prompt_tokens: 9 }],
  });
  const before = { id: "a", book: book(500_000), source: "catalogue" };
  expect(differencesOf({ before, after: { id: "b", book: book(600_000), source: "catalogue" } })).toEqual([
    { member: "base.input", from: "$0.50 / 1M tokens", to: "$0.60 / 1M tokens" },
    { member: "tiers.1.input", from: "$0.50 / 1M tokens", to: "$0.60 / 1M tokens" },
  ]);
});

test("what was done is said in words", () => {
  expect(actionText(change({ after: { slug: "acme" } }))).toBe("provider made");
  expect(actionText(change({ before: { disabled: false }, after: { disabled: true } }))).toBe(
    "provider switched off",
  );
  expect(actionText(change({ action: "put_price", before: {}, after: {} }))).toBe("price set");
  expect(actionText(change({ action: "new_action" }))).toBe("new action");
});

test("subjects lead to their pages", () => {
  expect(kindOf(change({ subject: "01a217ce-17b9-7797-a845-119f490a1165" }))).toBe("endpoint");
  expect(kindOf(change({ subject: "openai/gpt-4o", action: "put_model" }))).toBe("model");
  expect(kindOf(change({}))).toBe("provider");
  expect(kindOf(change({ subject: "catalogue", action: "seed" }))).toBeNull();
});
