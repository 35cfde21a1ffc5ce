import { expect, test } from "vitest";

import { wholeList } from "./pages";

test("a list is read until its end", async () => {
  const asked: number[] = [];
  const all = await wholeList(async ({ offset, limit }) => {
    asked.push(offset);
    return {
      data: Array.from({ length: Math.min(limit, 250 - offset) }, (_, place) => offset + place),
      total_count: 250,
    };
  });
  expect(all.length).toBe(250);
  expect(asked).toEqual([0, 100, 200]);
});

test("a list that shrinks meanwhile ends", async () => {
  expect(await wholeList(async () => ({ data: [], total_count: 7 }))).toEqual([]);
});
