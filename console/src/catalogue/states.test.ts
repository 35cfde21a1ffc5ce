import { expect, test } from "vitest";

import { eventText, segmentsOf, sharesOf } from "./states";

const at = (time: string) => `2026-11-26T${time}Z`;
const now = Date.parse(at("12:10:00"));
const HISTORY = [
  { at: at("12:01:01"), event: "recovered" },
  { at: at("12:00:00"), event: "ejected", until: at("12:00:15"), cause: "5 faults in a row" },
  { at: at("12:00:16"), event: "probe_failed", times: 2 },
  { at: at("12:00:50"), event: "recovering" },
];

test("states follow each other until now", () => {
  const segments = segmentsOf(HISTORY, now);
  expect(segments.map((one) => one.state)).toEqual([
    "healthy",
    "ejected",
    "half_open",
    "recovering",
    "healthy",
  ]);
  expect(segments[1]).toEqual({
    state: "ejected",
    from: Date.parse(at("12:00:00")),
    to: Date.parse(at("12:00:15")),
  });
  expect(segments.at(-1)?.to).toBe(now);
  segments.slice(1).forEach((one, place) => expect(one.from).toBe(segments[place]?.to));
});

test("an endpoint whose state never changed has no line", () => {
  expect(segmentsOf([], now)).toEqual([]);
});

test("an ejection that lasts goes on until now, and no further", () => {
  const segments = segmentsOf([{ at: at("12:09:50"), event: "ejected", until: at("12:10:05") }], now);
  expect(segments.at(-1)).toMatchObject({ state: "ejected", to: now });
});

test("what was before the oldest of fifty changes is not known", () => {
  const many = Array.from({ length: 50 }, (_, place) => ({
    at: at(`12:00:${String(place).padStart(2, "0")}`),
    event: place % 2 === 0 ? "ejected" : "recovered",
  }));
  expect(segmentsOf(many, now)[0]?.state).toBe("unknown");
});

test("shares add up, and events are words", () => {
  const shares = sharesOf(segmentsOf(HISTORY, now));
  expect(shares[0]?.state).toBe("healthy");
  expect(shares.reduce((sum, one) => sum + one.share, 0)).toBeCloseTo(1);
  expect(eventText(HISTORY[2]!)).toBe("a probe failed, 2 times");
});
