// Prices as they are edited: USD per million tokens, or per piece. Rates are integers of pico-USD per unit throughout, so
// that what is shown, typed and sent is the same to the last digit.

import type { components } from "~/api/generated/admin";

export type Rates = Partial<Record<ClassName, string>>;
export interface Tier {
  above_prompt_tokens: number;
  rates: Rates;
}
export interface PriceWindow {
  utc_start: string;
  utc_end: string;
  weekdays?: number[];
  base?: Rates;
  tiers?: Tier[];
}
export interface Price {
  base: Rates;
  tiers?: Tier[];
  windows?: PriceWindow[];
}

export type ClassName = Exclude<keyof components["schemas"]["Rates"], "prompt" | "completion">;

export interface Class {
  name: ClassName;
  label: string;
  /** Priced by the million, or by the piece. */
  per: "1M tokens" | "1M characters" | "request" | "image" | "picture" | "second" | "unit";
  /** Whose rate counts where it has none; else it is free. */
  fallback?: ClassName;
}

export const CLASSES: readonly Class[] = [
  { name: "input", label: "Input", per: "1M tokens" },
  { name: "cache_read", label: "Cache read", per: "1M tokens", fallback: "input" },
  { name: "cache_write_5m", label: "Cache write, 5 min", per: "1M tokens", fallback: "input" },
  { name: "cache_write_1h", label: "Cache write, 1 h", per: "1M tokens", fallback: "cache_write_5m" },
  { name: "output", label: "Output", per: "1M tokens" },
  { name: "reasoning", label: "Reasoning", per: "1M tokens", fallback: "output" },
  { name: "audio_input", label: "Audio read", per: "1M tokens", fallback: "input" },
  { name: "audio_output", label: "Audio written", per: "1M tokens", fallback: "output" },
  { name: "image_input", label: "Image tokens read", per: "1M tokens", fallback: "input" },
  { name: "image_output", label: "Image tokens written", per: "1M tokens", fallback: "output" },
  { name: "request", label: "Request", per: "request" },
  { name: "image", label: "Image read", per: "image" },
  { name: "picture", label: "Image made", per: "picture" },
  { name: "character", label: "Characters", per: "1M characters" },
  { name: "second", label: "Second", per: "second" },
  { name: "search_unit", label: "Search unit", per: "unit" },
];

const BY_NAME = new Map(CLASSES.map((one) => [one.name, one]));
export const classOf = (name: ClassName): Class => BY_NAME.get(name) as Class;

const DECIMALS = 12;
const MILLION = 6;
const AMOUNT = /^(\d+)(?:\.(\d*))?$/;

function scaled(text: string, decimals: number): bigint | null {
  const parts = AMOUNT.exec(text.trim());
  const fraction = (parts?.[2] ?? "").replace(/0+$/, "");
  if (parts === null || fraction.length > decimals) return null;
  return BigInt((parts[1] ?? "") + fraction.padEnd(decimals, "0"));
}

function written(value: bigint, decimals: number): string {
  const digits = value.toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, -decimals);
  const fraction = digits.slice(-decimals).replace(/0+$/, "");
  return fraction === "" ? whole : `${whole}.${fraction}`;
}

/** Pico-USD of a rate as the API writes it. */
export const picosOf = (rate: string): bigint | null => scaled(rate, DECIMALS);
/** A rate as the API reads it. */
export const rateOf = (picos: bigint): string => written(picos, DECIMALS);

const decimalsOf = (of: Class): number => (of.per.startsWith("1M") ? DECIMALS - MILLION : DECIMALS);

/** What stands in the field of a class. */
export const shown = (picos: bigint, of: Class): string => written(picos, decimalsOf(of));
/** What was typed into it; null when it is no price, or finer than any rate. */
export const typed = (text: string, of: Class): bigint | null =>
  scaled(text.replace(/^\s*\$/, "").replaceAll(",", ""), decimalsOf(of));

/** A rate to be read: `$0.25`. */
export function dollars(picos: bigint | null, of: Class): string {
  if (picos === null) return "–";
  const [whole = "0", fraction = ""] = shown(picos, of).split(".");
  return `$${whole}.${fraction.padEnd(2, "0")}`;
}

/** The rate of a class as the API wrote it, to be read. */
export function rateText(rates: Rates | undefined, name: ClassName): string {
  const rate = rates?.[name];
  return rate === undefined ? "–" : dollars(picosOf(rate), classOf(name));
}

/** One set of rates of a price that is edited: the usual ones, those of long prompts, those of some hours. */
export interface Part {
  kind: "base" | "tier" | "window";
  key: string;
  /** Of a tier: prompt tokens above which it counts. */
  above: string;
  /** Of a window: `HH:MM`. */
  start: string;
  end: string;
  weekdays: number[];
  /** Of a window: long prompts within it. They are kept as they are. */
  tiers: Tier[];
  /** Of each class, what stands in its field. */
  rates: Partial<Record<ClassName, string>>;
}

function fieldsOf(rates: Rates | undefined): Part["rates"] {
  const fields: Part["rates"] = {};
  for (const one of CLASSES) {
    const picos = picosOf(rates?.[one.name] ?? "");
    if (picos !== null) fields[one.name] = shown(picos, one);
  }
  return fields;
}

export function emptyPart(kind: Part["kind"], key: string): Part {
  return { kind, key, above: "", start: "", end: "", weekdays: [], tiers: [], rates: {} };
}

const clock = (time: string): string => `${time.slice(0, 2)}:${time.slice(2)}`;

export function partsOf(price: Price | null | undefined): Part[] {
  const base = { ...emptyPart("base", "base"), rates: fieldsOf(price?.base) };
  const tiers = (price?.tiers ?? []).map((tier, place) => ({
    ...emptyPart("tier", `tier ${place}`),
    above: String(tier.above_prompt_tokens),
    rates: fieldsOf(tier.rates),
  }));
  const windows = (price?.windows ?? []).map((window, place) => ({
    ...emptyPart("window", `window ${place}`),
    start: clock(window.utc_start),
    end: clock(window.utc_end),
    weekdays: window.weekdays ?? [],
    tiers: window.tiers ?? [],
    rates: fieldsOf(window.base),
  }));
  return [base, ...tiers, ...windows];
}

/** By `part.key`, and by `part.key class` for a rate. */
export type Mistakes = Record<string, string>;

function ratesOf(part: Part, mistakes: Mistakes): Rates {
  const rates: Rates = {};
  for (const one of CLASSES) {
    const text = part.rates[one.name]?.trim() ?? "";
    if (text === "") continue;
    const picos = typed(text, one);
    if (picos === null) mistakes[`${part.key} ${one.name}`] = "An amount in USD.";
    else rates[one.name] = rateOf(picos);
  }
  return rates;
}

const TIME = /^([01]\d|2[0-3]):?([0-5]\d)$/;

/** The price that the fields say, and what is wrong with them. */
export function priceOf(parts: readonly Part[]): { price: Price; mistakes: Mistakes } {
  const mistakes: Mistakes = {};
  const price: Required<Price> = { base: {}, tiers: [], windows: [] };
  const thresholds = new Set<number>();
  for (const part of parts) {
    const rates = ratesOf(part, mistakes);
    if (part.kind === "base") price.base = rates;
    if (part.kind === "tier") {
      const above = Number(part.above.replaceAll(",", ""));
      if (part.above.trim() === "" || !Number.isSafeInteger(above) || above <= 0)
        mistakes[part.key] = "A number of tokens.";
      else if (thresholds.has(above)) mistakes[part.key] = "There is one for this number already.";
      else if (Object.values(part.rates).every((text) => text.trim() === ""))
        mistakes[part.key] = "It says no rate.";
      thresholds.add(above);
      price.tiers.push({ above_prompt_tokens: above, rates });
    }
    if (part.kind === "window") {
      const [start, end] = [TIME.exec(part.start.trim()), TIME.exec(part.end.trim())];
      if (start === null || end === null) mistakes[part.key] = "Two times of day, such as 16:30.";
      price.windows.push({
        utc_start: start ? `${start[1]}${start[2]}` : "",
        utc_end: end ? `${end[1]}${end[2]}` : "",
        ...(part.weekdays.length === 0 ? {} : { weekdays: [...part.weekdays].sort() }),
        base: rates,
        ...(part.tiers.length === 0 ? {} : { tiers: part.tiers }),
      });
    }
  }
  if (Object.keys(price.base).length === 0 && Object.keys(mistakes).length === 0)
    mistakes["base"] = "A price needs at least one rate; 0 says that something is free.";
  price.tiers.sort((one, other) => one.above_prompt_tokens - other.above_prompt_tokens);
  return { price, mistakes };
}

const DAYS = ["", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
export const dayNames = (weekdays: readonly number[] | undefined): string =>
  (weekdays ?? []).map((day) => DAYS[day] ?? String(day)).join(", ");

export function tierName(tier: Tier): string {
  return `above ${tier.above_prompt_tokens.toLocaleString("en-US")} prompt tokens`;
}
export function windowName(window: PriceWindow): string {
  const days = dayNames(window.weekdays);
  return `${clock(window.utc_start)}–${clock(window.utc_end)} UTC${days === "" ? "" : `, ${days}`}`;
}

/** A rate as it counts: a tier's own, else that of the tier below, else the usual one, else another class's. */
export interface Effective {
  picos: bigint | null;
  /** The class whose rate it is, where that is another. */
  as: ClassName | null;
}

function effective(layers: readonly Rates[], name: ClassName): Effective {
  for (const rates of [...layers].reverse()) {
    const listed = picosOf(rates[name] ?? "");
    if (listed !== null) return { picos: listed, as: null };
  }
  const { fallback } = classOf(name);
  if (fallback === undefined) return { picos: null, as: null };
  const other = effective(layers, fallback);
  return { picos: other.picos, as: other.as ?? fallback };
}

interface Place {
  where: string;
  layers: Rates[];
}

function placesOf(price: Price | null): Place[] {
  if (price === null) return [];
  const stacked = (name: string, base: Rates[], tiers: readonly Tier[]): Place[] => {
    const sorted = [...tiers].sort((one, other) => one.above_prompt_tokens - other.above_prompt_tokens);
    return sorted.map((tier, place) => ({
      where: name === "" ? tierName(tier) : `${name}, ${tierName(tier)}`,
      layers: [...base, ...sorted.slice(0, place + 1).map((one) => one.rates)],
    }));
  };
  const usual: Place = { where: "", layers: [price.base] };
  const windows = (price.windows ?? []).flatMap((window) => {
    const base = [price.base, window.base ?? {}];
    return [
      { where: windowName(window), layers: base },
      ...stacked(windowName(window), base, window.tiers ?? []),
    ];
  });
  return [usual, ...stacked("", [price.base], price.tiers ?? []), ...windows];
}

const rateIn = (place: Place | undefined, name: ClassName): Effective =>
  place === undefined ? { picos: null, as: null } : effective(place.layers, name);

/** One class in one place of a price, before and after. */
export interface Line {
  /** Empty for the usual rates. */
  where: string;
  name: ClassName;
  from: Effective;
  to: Effective;
  isChanged: boolean;
}

const isListed = (place: Place | undefined, name: ClassName): boolean =>
  place?.layers.at(-1)?.[name] !== undefined;

/**
 * Every class that a place of either price lists, and what changes there though it is listed elsewhere. Where a place is new
 * or gone the usual rates stand for it.
 */
export function linesOf(from: Price | null, to: Price): Line[] {
  const [before, after] = [placesOf(from), placesOf(to)];
  const find = (places: Place[], where: string) => places.find((place) => place.where === where);
  const all = [
    ...after.map((place) => place.where),
    ...before.map((place) => place.where).filter((where) => find(after, where) === undefined),
  ];
  const priced = CLASSES.filter(({ name }) => [...before, ...after].some((place) => isListed(place, name)));
  return all.flatMap((where) => {
    const [old, next] = [find(before, where), find(after, where)];
    return priced
      .map(({ name }): Line => {
        const [was, is] = [rateIn(old ?? before[0], name), rateIn(next ?? after[0], name)];
        return { where, name, from: was, to: is, isChanged: was.picos !== is.picos };
      })
      .filter(({ name, isChanged }) => isChanged || isListed(old, name) || isListed(next, name));
  });
}

/** By how much a rate changes, in percent; null from or to nothing. */
export function changeOf(from: bigint | null, to: bigint | null): number | null {
  if (from === null || to === null || from === 0n) return null;
  return (Number(to - from) / Number(from)) * 100;
}

export function percentText(change: number | null): string {
  if (change === null) return "–";
  if (change === 0) return "±0%";
  const size = Math.abs(change);
  return `${change < 0 ? "−" : "+"}${size.toFixed(size < 10 ? 1 : 0)}%`;
}

interface Terms {
  markup_basis_points: number;
  markup_overrides: readonly { basis_points?: number; model?: string | null; provider?: string | null }[];
}

/** The markup of a plan at an endpoint, in basis points: the closest override, else the plan's. */
export function markupAt(plan: Terms, provider: string, model: string): number {
  const base = model.split(":")[0];
  const fitting = plan.markup_overrides
    .filter(
      (one) =>
        (one.provider ?? provider) === provider && ((one.model ?? model) === model || one.model === base),
    )
    .map((one) => ({ ...one, weight: (one.model ? 2 : 0) + (one.provider ? 1 : 0) }))
    .sort((one, other) => other.weight - one.weight);
  return fitting[0]?.basis_points ?? plan.markup_basis_points;
}

/** What remains of a rate with a markup, pico-USD. */
export const marginOf = (picos: bigint | null, basisPoints: number): bigint | null =>
  picos === null ? null : (picos * BigInt(basisPoints)) / 10_000n;
