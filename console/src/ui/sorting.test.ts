import { expect, test } from "vitest";

import { clicked, sorted } from "./sorting";

const rows = [{ n: 2 }, { n: null }, { n: 10 }, { n: 1 }];

test("what has no value comes last in either direction", () => {
  expect(sorted(rows, (row) => row.n, false).map((row) => row.n)).toEqual([1, 2, 10, null]);
  expect(sorted(rows, (row) => row.n, true).map((row) => row.n)).toEqual([10, 2, 1, null]);
});

test("numbers in names are compared as numbers", () => {
  expect(sorted(["a10", "a9"], (name) => name, false)).toEqual(["a9", "a10"]);
});

test("a second click turns the order", () => {
  const first = clicked(null, "price", true);
  expect(first).toEqual({ by: "price", isDescending: true });
  expect(clicked(first, "price", true).isDescending).toBe(false);
  expect(clicked(first, "name", false)).toEqual({ by: "name", isDescending: false });
});
