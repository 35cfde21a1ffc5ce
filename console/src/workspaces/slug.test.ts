import { expect, test } from "vitest";

import { slugOf } from "./slug";

test("a slug is made of a name", () => {
  expect(slugOf("  Équipe R&D, n° 2! ")).toBe("equipe-r-d-n-2");
  expect(slugOf("…")).toBe("");
});
