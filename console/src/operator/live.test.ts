import { afterEach, expect, test, vi } from "vitest";

import { type EndpointHealth, withState } from "./health";
import { lineOf } from "./LiveTraffic";
import { type Traffic, isTraffic, paceOf } from "./live";

const event = (members: Partial<Traffic>): Traffic => ({
  at: 0,
  requests: 4,
  errors: 1,
  tokens: 100,
  spend_nano_usd: "1000",
  in_flight: 2,
  ...members,
});

afterEach(() => vi.unstubAllGlobals());

test("a line begins at the right, and is over the whole width after half a minute", () => {
  expect(lineOf([0, 1])).toBe("M83.6 34.0 L90.0 2.0");
  expect(lineOf(Array.from({ length: 15 }, () => 1))).toMatch(/^M0\.0 2\.0 .* L90\.0 2\.0$/);
  expect(lineOf([])).toBe("");
});

test("the pace is that of the last half minute", () => {
  const traffic = [event({ requests: 1_000 }), ...Array.from({ length: 15 }, () => event({}))];
  expect(paceOf([...traffic.slice(0, -1), event({ in_flight: 9 })])).toEqual({
    requestsPerSecond: 2,
    tokensPerSecond: 50,
    errorRate: 0.25,
    spendPerMinute: 30_000n,
    inFlight: 9,
  });
  expect(paceOf([])).toBeNull();
  expect(paceOf([event({ requests: 0, errors: 0 })])?.errorRate).toBeNull();
});

test("what is no traffic is not taken for some", () => {
  expect(isTraffic(event({}))).toBe(true);
  expect(isTraffic({ ...event({}), spend_nano_usd: 3 })).toBe(false);
  expect(isTraffic(null)).toBe(false);
});

test("a change of an endpoint changes that one alone", () => {
  const all = [
    { endpoint_id: "a", state: "healthy" },
    { endpoint_id: "b", state: "healthy" },
  ] as EndpointHealth[];
  const changed = withState(all, "b", "ejected");
  expect(changed.map((one) => one.state)).toEqual(["healthy", "ejected"]);
  expect(changed[0]).toBe(all[0]);
});
