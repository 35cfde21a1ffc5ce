// What the platform does at this moment, as `/admin/v1/live` sends it. While pages watch there is one connection; where
// the events do not come, whoever polls goes on polling.

import { useSyncExternalStore } from "react";

import { queries } from "~/queries";

import { type EndpointHealth, withState } from "./health";

/** What ended within the two seconds before `at` (Unix milliseconds), over all edges. */
export interface Traffic {
  at: number;
  requests: number;
  errors: number;
  tokens: number;
  spend_nano_usd: string;
  in_flight: number;
}

export interface Live {
  /** `waiting` for a connection, `live`, or `absent`: the platform does not send events, or not to us. */
  state: "waiting" | "live" | "absent";
  /** The newest last. */
  traffic: Traffic[];
}

/** Milliseconds between two events of traffic. */
export const EVERY = 2_000;
/** Three minutes. */
const KEPT = 90;
/** Milliseconds after which a refused connection is tried again; lost ones the browser takes up by itself. */
const AGAIN = 30_000;

export function isTraffic(said: unknown): said is Traffic {
  const one = said as Partial<Record<keyof Traffic, unknown>> | null;
  const figures = [one?.at, one?.requests, one?.errors, one?.tokens, one?.in_flight];
  return figures.every((figure) => typeof figure === "number") && typeof one?.spend_nano_usd === "string";
}

function parsed(event: Event): unknown {
  try {
    return JSON.parse((event as MessageEvent<string>).data);
  } catch {
    return null;
  }
}

/** Puts a change of an endpoint into the lists that were read. */
function keepHealth(said: unknown): void {
  const { endpoint, state } = (said ?? {}) as { endpoint?: unknown; state?: unknown };
  if (typeof endpoint !== "string" || typeof state !== "string") return;
  queries.setQueryData<EndpointHealth[]>(
    ["operator", "health"],
    (all) => all && withState(all, endpoint, state),
  );
  void queries.invalidateQueries({ queryKey: ["operator", "health", "unwell"] });
}

class Feed {
  private live: Live = { state: "waiting", traffic: [] };
  private readonly listeners = new Set<() => void>();
  private source: EventSource | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;

  readonly read = (): Live => this.live;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    if (this.listeners.size === 1) this.open();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.close();
    };
  };

  private tell(changes: Partial<Live>): void {
    this.live = { ...this.live, ...changes };
    for (const listener of this.listeners) listener();
  }

  private open(): void {
    if (typeof EventSource === "undefined") {
      this.live = { ...this.live, state: "absent" };
      return;
    }
    const source = new EventSource("/admin/v1/live");
    this.source = source;
    source.addEventListener("open", () => this.tell({ state: "live" }));
    source.addEventListener("traffic", (event) => {
      const said = parsed(event);
      if (isTraffic(said)) this.tell({ state: "live", traffic: [...this.live.traffic, said].slice(-KEPT) });
    });
    source.addEventListener("health", (event) => keepHealth(parsed(event)));
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return this.tell({ state: "waiting" });
      this.tell({ state: "absent" });
      this.retry = setTimeout(() => this.open(), AGAIN);
    });
  }

  private close(): void {
    clearTimeout(this.retry);
    this.source?.close();
    this.source = null;
    this.live = { state: "waiting", traffic: [] };
  }
}

const feed = new Feed();

export function useLive(): Live {
  return useSyncExternalStore(feed.subscribe, feed.read);
}

export interface Pace {
  requestsPerSecond: number;
  tokensPerSecond: number;
  /** Of requests that ended; null when none did. */
  errorRate: number | null;
  /** In nano-USD. */
  spendPerMinute: bigint;
  inFlight: number;
}

/** The pace over the last events, half a minute unless another number is said. */
export function paceOf(traffic: readonly Traffic[], last = 15): Pace | null {
  const events = traffic.slice(-last);
  const newest = events.at(-1);
  if (newest === undefined) return null;
  const seconds = (events.length * EVERY) / 1000;
  const sum = (member: "requests" | "errors" | "tokens") => events.reduce((all, one) => all + one[member], 0);
  const spend = events.reduce((all, one) => all + BigInt(one.spend_nano_usd), 0n);
  const requests = sum("requests");
  return {
    requestsPerSecond: requests / seconds,
    tokensPerSecond: sum("tokens") / seconds,
    errorRate: requests === 0 ? null : sum("errors") / requests,
    spendPerMinute: (spend * 60n) / BigInt(seconds),
    inFlight: newest.in_flight,
  };
}
