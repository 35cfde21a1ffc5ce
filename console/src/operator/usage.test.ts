import { expect, test } from "vitest";

import { type UsagePoint, pointsOf, sumsOf } from "./usage";

const point = (members: Partial<UsagePoint>): UsagePoint => ({
  start: "2026-11-26T10:00:00.000Z",
  requests: 2,
  errors: 1,
  cancelled: 0,
  attempts: 3,
  charge: "0.1",
  absorbed: "0",
  provider_cost: "0.2",
  latency_ms: 500,
  ...members,
});

test("money is summed as integers", () => {
  const sums = sumsOf([point({}), point({ charge: "0.2", provider_cost: "0.000000001" })]);
  expect(sums).toMatchObject({
    requests: 4,
    errors: 2,
    latency: 250,
    charge: 300_000_000n,
    cost: 200_000_001n,
    margin: 99_999_999n,
  });
  expect(sumsOf([]).latency).toBeNull();
});

test("groups are called by their names", () => {
  const names = new Map([["t", "Acme"]]);
  const [one, none] = pointsOf([point({ tenant_id: "t" }), point({})], "tenant", "requests", "hour", names);
  expect(one).toEqual({ at: Date.parse("2026-11-26T10:00:00Z") / 1000, name: "Acme", value: 2 });
  expect(none?.name).toBe("(none)");
  const [rest] = pointsOf([point({ is_rest: true })], "tenant", "requests", "hour", names);
  expect(rest?.isRest).toBe(true);
});
