// A replay as a form, and what it comes to.

import type { components } from "~/api/generated/admin";
import { wordsOf } from "~/catalogue/members";

import type { Both } from "./decisions";

export type Replay = components["schemas"]["Replay"];

export interface ReplayForm {
  hours: string;
  limit: string;
  attempts: string;
  /** Further members of the policy, JSON. */
  policy: string;
  /** A list of JSON, as `POST /route/replay` takes it. */
  prices: string;
  /** Slugs of providers and ids of endpoints. */
  disable: string;
  /** Percent. */
  markup: string;
}

export const EMPTY: ReplayForm = {
  hours: "24",
  limit: "10000",
  attempts: "",
  policy: "",
  prices: "",
  disable: "",
  markup: "",
};

const HOUR = 3_600_000;

function json<T>(text: string, name: string, is: (value: unknown) => boolean): T | undefined {
  if (text.trim() === "") return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (is(value)) return value as T;
  } catch {
    // It is said below.
  }
  throw new Error(`${name} cannot be read: see the example.`);
}

const isObject = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function whole(text: string, name: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new Error(`${name}: a whole number from ${least} on.`);
  return value;
}

/**
 * What is asked for.
 *
 * @throws in words that name the field.
 */
export function replayOf(form: ReplayForm, now: number): Replay {
  const policy = json<Record<string, unknown>>(form.policy, "The policy", isObject) ?? {};
  if (form.attempts.trim() !== "") policy["max_attempts"] = whole(form.attempts, "Attempts", 1);
  const prices = json<NonNullable<Replay["prices"]>>(form.prices, "Prices", Array.isArray);
  const markup = Number(form.markup);
  if (form.markup.trim() !== "" && !(Number.isFinite(markup) && markup >= 0))
    throw new Error("The markup: percent, such as 5.");
  const disable = wordsOf(form.disable);
  return {
    since: new Date(now - Number(form.hours) * HOUR).toISOString(),
    ...(form.limit.trim() === "" ? {} : { limit: whole(form.limit, "At most", 1) }),
    ...(Object.keys(policy).length === 0 ? {} : { policy }),
    ...(prices === undefined ? {} : { prices }),
    ...(disable.length === 0 ? {} : { disable }),
    ...(form.markup.trim() === "" ? {} : { markup: Math.round(markup * 100) }),
  };
}

/** By how much of the former a figure changes; null from nothing. */
export function shift({ before, after }: Both<number | string | null>): number | null {
  const [from, to] = [Number(before ?? Number.NaN), Number(after ?? Number.NaN)];
  return Number.isFinite(from) && Number.isFinite(to) && from !== 0 ? ((to - from) / from) * 100 : null;
}
