// The last day of endpoints in quarters of an hour, from what the APIs tell to what charts show.
// docs/reference/health.md says what is counted.

import { count } from "~/format/number";

import type { Columns, Series } from "./series";

/** Something fell into it. `null` = there is too little to tell, or it is for others to know. */
export interface Bucket {
  at: string;
  /** Percent. */
  uptime: number | null;
  successes: number | null;
  faults: number | null;
  rate_limits: number | null;
  /** Milliseconds to the first token. */
  latency_p50: number | null;
  latency_p90: number | null;
  /** Tokens per second. */
  throughput_p50: number | null;
}

export interface Frame {
  from: string;
  to: string;
  bucket_seconds: number;
}

/** One endpoint, or one credential of it. */
export interface Line {
  name: string;
  buckets: Bucket[];
}

export interface Day {
  frame: Frame;
  lines: Line[];
}

type Figure = "uptime" | "latency_p50" | "latency_p90" | "throughput_p50";

const secondsOf = (at: string): number => Math.floor(Date.parse(at) / 1000);

/** The start of every bucket, also of those that nothing fell into. */
export function timesOf({ from, to, bucket_seconds: width }: Frame): number[] {
  const [first, end] = [secondsOf(from), secondsOf(to)];
  return Array.from({ length: Math.max(0, Math.round((end - first) / width)) }, (_, n) => first + n * width);
}

/** What is known of each time. */
export function slotsOf(times: readonly number[], line: Line): (Bucket | null)[] {
  const found = new Map(line.buckets.map((bucket) => [secondsOf(bucket.at), bucket]));
  return times.map((time) => found.get(time) ?? null);
}

function seriesOf(times: readonly number[], line: Line, figure: Figure, name = line.name): Series {
  const values = slotsOf(times, line).map((bucket) => bucket?.[figure] ?? null);
  return { name, total: 0, values, isRest: false };
}

/** One figure of several lines. */
export const columnsOf = (times: number[], lines: readonly Line[], figure: Figure): Columns => ({
  times,
  series: lines.map((line) => seriesOf(times, line, figure)),
});

/** Of one line, what half of the answers did not pass and what nine in ten did not. */
export const latenciesOf = (times: number[], line: Line): Columns => ({
  times,
  series: [seriesOf(times, line, "latency_p50", "p50"), seriesOf(times, line, "latency_p90", "p90")],
});

export const isKnown = ({ series }: Columns): boolean =>
  series.some(({ values }) => values.some((value) => value !== null));

/** As uptimes are judged in routing. */
export function toneOf(bucket: Bucket | null): "good" | "warn" | "bad" | "none" {
  const percent = bucket?.uptime ?? null;
  if (percent === null) return "none";
  return percent >= 95 ? "good" : percent >= 80 ? "warn" : "bad";
}

const sum = (values: (number | null)[]): number => values.reduce<number>((all, one) => all + (one ?? 0), 0);

export const successesOf = (line: Line): number => sum(line.buckets.map((bucket) => bucket.successes));

/** A whole day's uptime: percent from a hundred attempts on, as elsewhere; the attempts themselves below. */
export function uptimeOf(line: Line): string {
  const good = successesOf(line);
  const all = good + sum(line.buckets.map((bucket) => bucket.faults));
  if (all === 0) return "–";
  return all < 100 ? `${good} of ${all}` : `${((good / all) * 100).toFixed(2)}%`;
}

/** A bucket in words. */
export function said(bucket: Bucket | null): string {
  if (bucket === null) return "nothing was asked";
  const { uptime, successes, faults, rate_limits: limits } = bucket;
  const share = uptime === null ? "no answer, no fault" : `${uptime}% up`;
  return successes === null
    ? share
    : `${share}: ${count(successes)} good, ${count(faults)} faults, ${count(limits)} rate limits`;
}

/** A line in words, for those who do not see its bars. */
export function summaryOf(line: Line, slots: readonly (Bucket | null)[]): string {
  const counted = (tone: string) => slots.filter((slot) => toneOf(slot) === tone).length;
  return (
    `${line.name}, uptime ${uptimeOf(line)}: of ${slots.length} quarters of an hour ${counted("good")} good, ` +
    `${counted("warn")} degraded, ${counted("bad")} poor, ${counted("none")} without an answer`
  );
}
