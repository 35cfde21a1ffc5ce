import { expect, test } from "vitest";

import { bucketOf, buckets, columnsOf, stacked } from "./series";

const at = (text: string) => Date.parse(text) / 1000;

test("buckets are those of UTC and weeks begin on Monday", () => {
  expect(bucketOf(at("2026-11-26T13:14:15Z"), "hour")).toBe(at("2026-11-26T13:00:00Z"));
  expect(bucketOf(at("2026-11-26T13:14:15Z"), "week")).toBe(at("2026-11-23T00:00:00Z"));
  expect(bucketOf(at("2026-11-26T13:14:15Z"), "month")).toBe(at("2026-11-01T00:00:00Z"));
});

test("months have their own lengths", () => {
  const all = buckets(at("2026-01-15T00:00:00Z"), at("2026-04-01T00:00:00Z"), "month");
  expect(all.map((one) => new Date(one * 1000).toISOString().slice(0, 10))).toEqual([
    "2026-01-01",
    "2026-02-01",
    "2026-03-01",
  ]);
});

const times = [0, 60, 120];
const points = [
  { at: 0, name: "a", value: 5 },
  { at: 120, name: "a", value: 1 },
  { at: 60, name: "b", value: 9 },
  { at: 0, name: "c", value: 2 },
  { at: 60, name: "d", value: 1 },
];

test("buckets without rows are nothing, not missing", () => {
  expect(columnsOf(points, times, 9).series[1]).toEqual({
    name: "a",
    total: 6,
    values: [5, 0, 1],
    isRest: false,
  });
});

test("what is small is put together, and nothing is lost", () => {
  const { series } = columnsOf(points, times, 3);
  expect(series.map((one) => [one.name, one.total, one.isRest])).toEqual([
    ["b", 9, false],
    ["a", 6, false],
    ["everything else", 3, true],
  ]);
});

test("what came as one stays one, whatever it is called", () => {
  const { series } = columnsOf([...points, { at: 60, name: "a", value: 4, isRest: true }], times, 5);
  expect(series.map((one) => [one.name, one.total, one.isRest])).toEqual([
    ["b", 9, false],
    ["a", 6, false],
    ["c", 2, false],
    ["d", 1, false],
    ["everything else", 4, true],
  ]);
});

test("series stand on top of each other", () => {
  const { series } = columnsOf(points, times, 9);
  expect(stacked(series, 3).at(-1)).toEqual([7, 10, 1]);
});
