import { expect, test, vi } from "vitest";

import { areOn, meaning, turn } from "./shortcuts";

const NAMES = ["g m", "g k", "?", "/"];

test("two keys one after the other are a shortcut", () => {
  expect(meaning(NAMES, { key: "g", at: 0 }, { key: "m", at: 300 })).toBe("g m");
});

test("the first key alone means nothing yet", () => {
  expect(meaning(NAMES, null, { key: "g", at: 0 })).toBeNull();
});

test("too late is no shortcut", () => {
  expect(meaning(NAMES, { key: "g", at: 0 }, { key: "m", at: 5000 })).toBeNull();
});

test("a single key means what it means whatever was pressed before", () => {
  expect(meaning(NAMES, { key: "x", at: 0 }, { key: "?", at: 100 })).toBe("?");
});

test("single keys can be turned off", () => {
  const kept = new Map<string, string>();
  vi.stubGlobal("localStorage", {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => kept.set(name, value),
    removeItem: (name: string) => kept.delete(name),
  });
  expect(areOn()).toBe(true);
  turn(false);
  expect(areOn()).toBe(false);
  turn(true);
  expect(areOn()).toBe(true);
  vi.unstubAllGlobals();
});
