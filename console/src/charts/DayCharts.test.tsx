// @vitest-environment happy-dom

import { act } from "react";
import { type Root, createRoot } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { DayCharts } from "./DayCharts";
import type { Bucket, Day, Line } from "./day";

// There is no canvas here. What is drawn stands in tables, too.
vi.mock("uplot", () => ({
  default: Object.assign(
    class {
      setSize() {}
      destroy() {}
    },
    { paths: {} },
  ),
}));

const FROM = Date.parse("2026-11-25T12:15:00Z");
const QUARTER = 900_000;
/** Three hours, so that the tables stay short. */
const COUNT = 12;
const frame = {
  from: new Date(FROM).toISOString(),
  to: new Date(FROM + COUNT * QUARTER).toISOString(),
  bucket_seconds: 900,
};

const bucket = (place: number, successes: number, faults: number, speed: number | null): Bucket => ({
  at: new Date(FROM + place * QUARTER).toISOString(),
  uptime: successes + faults === 0 ? null : (100 * successes) / (successes + faults),
  ...{ successes, faults, rate_limits: 1, latency_p50: speed, latency_p90: speed && speed * 2 },
  throughput_p50: speed && 60,
});
const NORTH: Line = {
  name: "north",
  buckets: [bucket(0, 200, 0, 400), bucket(1, 90, 10, null), bucket(11, 10, 40, 300)],
};
const SOUTH: Line = { name: "south/flex", buckets: [bucket(3, 3, 1, null), bucket(4, 0, 0, null)] };
const SILENT: Line = { name: "west", buckets: [] };

let root: Root;
const show = (lines: Line[]) => {
  const day: Day = { frame, lines };
  return act(async () => root.render(<DayCharts day={day} what="endpoint" />));
};
const text = () => document.body.textContent ?? "";
const bars = (place: number) => [
  ...(document.querySelectorAll(".uptime-bars")[place]?.querySelectorAll("i") ?? []),
];
const headings = () => [...document.querySelectorAll("h2")].map((one) => one.textContent);

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  document.body.innerHTML = '<div id="root"></div>';
  root = createRoot(document.getElementById("root") as HTMLElement);
});
afterEach(async () => {
  await act(async () => root.unmount());
  vi.unstubAllGlobals();
});

test("a bar for each quarter of an hour tells how it went, also in words", async () => {
  await show([NORTH, SOUTH, SILENT]);
  const tones = bars(0).map((bar) => bar.dataset["tone"]);
  expect(tones).toHaveLength(COUNT);
  expect([tones[0], tones[1], tones[2], tones[11]]).toEqual(["good", "warn", "none", "bad"]);
  expect(bars(0)[1]?.title).toContain("90% up: 90 good, 10 faults, 1 rate limits");
  expect(bars(1)[4]?.title).toContain("no answer, no fault");
  expect(document.querySelector(".uptime-bars")?.getAttribute("aria-label")).toBe(
    "north, uptime 85.71%: of 12 quarters of an hour 1 good, 1 degraded, 1 poor, 9 without an answer",
  );
  expect(text()).toContain("3 of 4");
  expect(text()).toContain("Nothing was asked of west.");
});

test("unknown figures are gaps and never zero", async () => {
  await show([NORTH]);
  expect(headings()).toEqual(["Uptime, last day", "Time to first token", "Throughput, p50"]);
  const latency = [...document.querySelectorAll("table")].find((one) =>
    one.querySelector("caption")?.textContent?.startsWith("Time to first token"),
  );
  const cells = (place: number) =>
    [...(latency?.querySelectorAll("tbody tr")[place]?.querySelectorAll("td") ?? [])].map(
      (cell) => cell.textContent,
    );
  expect([cells(0), cells(1), cells(11)]).toEqual([
    ["400 ms", "800 ms"],
    ["–", "–"],
    ["300 ms", "600 ms"],
  ]);
});

test("one of several is picked to see its nine in ten", async () => {
  await show([NORTH, SOUTH]);
  expect(headings()[1]).toBe("Time to first token, p50");
  const select = document.querySelector("select") as HTMLSelectElement;
  await act(async () => {
    select.value = "south/flex";
    select.dispatchEvent(new Event("change", { bubbles: true }));
  });
  expect(headings()[1]).toBe("Time to first token");
  expect(text()).toContain("Too few answers to say");
});

test("without traffic nothing is drawn", async () => {
  await show([SILENT]);
  expect(text()).toContain("No traffic in the last day.");
  expect(document.querySelector(".uptime-bars")).toBeNull();
});
