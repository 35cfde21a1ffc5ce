import { expect, test } from "vitest";

import { safeNext } from "./next";

test("signing in leads on to a page of the console", () => {
  expect(safeNext("/keys?workspace=a#b")).toBe("/keys?workspace=a#b");
});

test("signing in never leads to another site", () => {
  for (const bad of [
    "https://elsewhere.example",
    "//elsewhere.example",
    "/\\elsewhere.example",
    "/\t/elsewhere.example",
    "",
    7,
  ]) {
    expect(safeNext(bad)).toBe("/");
  }
});
