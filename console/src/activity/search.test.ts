import { expect, test } from "vitest";

import { activitySearch, filtersOf, spanOf, textOf } from "./search";

test("filters read back, whatever stands in them", () => {
  const filters = [
    { field: "model", value: "meta/llama:free" },
    { field: "app", value: "a, b: 100%" },
  ];
  expect(filtersOf(textOf(filters))).toEqual(filters);
  expect(textOf([])).toBeUndefined();
});

test("what is no filter is left out", () => {
  expect(filtersOf("nonsense,model:,secret:1,model:%E0%A4%A,provider:OpenAI")).toEqual([
    { field: "provider", value: "OpenAI" },
  ]);
});

test("addresses that make no sense show the usual", () => {
  expect(activitySearch({ range: "7y", by: "colour", metric: 3, filters: 4 })).toEqual({});
  expect(activitySearch({ range: "24h", by: "user", metric: "request_count" })).toMatchObject({
    range: "24h",
    by: "user",
  });
});

test("ranges end with the minute that runs", () => {
  const span = spanOf("24h", new Date("2026-11-26T12:00:30Z"));
  expect(span.end.toISOString()).toBe("2026-11-26T12:01:00.000Z");
  expect(span.start.toISOString()).toBe("2026-11-25T12:01:00.000Z");
  expect(span.granularity).toBe("hour");
});
