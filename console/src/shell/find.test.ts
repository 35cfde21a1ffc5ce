import { expect, test } from "vitest";

import { found, rank } from "./find";

test("every word has to occur, in any order", () => {
  expect(rank("mini gpt", "openai/gpt-4o-mini")).not.toBeNull();
  expect(rank("gpt claude", "openai/gpt-4o-mini")).toBeNull();
});

test("beginnings of words go first", () => {
  const names = ["nomic/embed-audit", "Audit log", "Keys"];
  expect(found("audit", names, (name) => name, 5)).toEqual(["Audit log", "nomic/embed-audit"]);
});

test("no query keeps the order", () =>
  expect(found(" ", ["b", "a", "c"], (name) => name, 2)).toEqual(["b", "a"]));
