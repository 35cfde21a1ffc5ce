// The states of an endpoint over time, from the changes that the API tells of.

import type { CredentialHealth } from "~/operator/health";

export type HealthChange = NonNullable<CredentialHealth["history"]>[number];

export interface Segment {
  state: string;
  /** Unix milliseconds. */
  from: number;
  to: number;
}

/** What the API tells at most. */
const MOST_CHANGES = 50;
const LEAST_LEAD = 60_000;

/** What follows a change: its state until `until`, where it has one, and then another. */
function after(change: HealthChange): { state: string; until: number | null; then: string } {
  const until = change.until ? Date.parse(change.until) : null;
  switch (change.event) {
    case "ejected":
      return { state: "ejected", until, then: "half_open" };
    case "cooling":
      return { state: "cooling", until, then: "healthy" };
    case "probe_failed":
      return { state: "half_open", until: null, then: "half_open" };
    case "recovering":
      return { state: "recovering", until: null, then: "recovering" };
    default:
      return { state: "healthy", until: null, then: "healthy" };
  }
}

/** One state after the other, from a little before the first change until now. Nothing where nothing changed. */
export function segmentsOf(history: readonly HealthChange[], now: number): Segment[] {
  const changes = history
    .map((change) => ({ change, at: Date.parse(change.at) }))
    .filter(({ at }) => at <= now)
    .sort((one, other) => one.at - other.at);
  const first = changes[0];
  if (first === undefined) return [];
  const lead = Math.max((now - first.at) / 20, LEAST_LEAD);
  const before = changes.length >= MOST_CHANGES ? "unknown" : "healthy";
  const segments: Segment[] = [{ state: before, from: first.at - lead, to: first.at }];
  changes.forEach(({ change, at }, place) => {
    const end = changes[place + 1]?.at ?? now;
    const { state, until, then } = after(change);
    const middle = until === null ? end : Math.min(Math.max(until, at), end);
    segments.push({ state, from: at, to: middle });
    if (middle < end) segments.push({ state: then, from: middle, to: end });
  });
  return joined(segments);
}

function joined(segments: readonly Segment[]): Segment[] {
  const all: Segment[] = [];
  for (const segment of segments) {
    const last = all.at(-1);
    if (segment.from === segment.to) continue;
    if (last?.state === segment.state) last.to = segment.to;
    else all.push({ ...segment });
  }
  return all;
}

const EVENTS: Record<string, string> = {
  ejected: "ejected",
  probe_failed: "a probe failed",
  recovering: "a probe went well: it recovers",
  recovered: "well again",
  cooling: "asked to be left alone",
};

export const eventText = (change: HealthChange): string =>
  (EVENTS[change.event] ?? change.event) +
  (change.times !== undefined && change.times > 1 ? `, ${change.times} times` : "");

/** The share of each state, the longest first. */
export function sharesOf(segments: readonly Segment[]): { state: string; share: number }[] {
  const total = segments.reduce((sum, one) => sum + one.to - one.from, 0);
  const sums = new Map<string, number>();
  for (const one of segments) sums.set(one.state, (sums.get(one.state) ?? 0) + one.to - one.from);
  return [...sums]
    .map(([state, sum]) => ({ state, share: total === 0 ? 0 : sum / total }))
    .sort((one, other) => other.share - one.share);
}
