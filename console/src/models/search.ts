// The filters of the catalogue, as the address holds them.

import type { Sorting } from "~/ui/sorting";

import type { Model } from "./models";

export interface ModelsSearch {
  q?: string | undefined;
  /** Modalities that it reads, apart by commas. */
  reads?: string | undefined;
  writes?: string | undefined;
  /** Parameters that some endpoint takes, apart by commas. */
  takes?: string | undefined;
  authors?: string | undefined;
  /** Tokens at least. */
  context?: number | undefined;
  /** USD per million prompt tokens at most. */
  price?: number | undefined;
  free?: boolean | undefined;
  /** A column; with a minus, downwards. */
  sort?: string | undefined;
  /** Ids that are compared, apart by commas. */
  picked?: string | undefined;
}

type Raw = Record<string, unknown>;

const text = (value: unknown): string | undefined => {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
};

/** A bound; what is no positive number is none. */
const bound = (value: unknown): number | undefined => {
  const found = typeof value === "string" ? Number(value) : value;
  return typeof found === "number" && Number.isFinite(found) && found > 0 ? found : undefined;
};

/** Whatever stands in the address, as filters: what makes no sense is left out and never an error. */
export function modelsSearch(raw: Raw): ModelsSearch {
  return {
    q: text(raw["q"]),
    reads: text(raw["reads"]),
    writes: text(raw["writes"]),
    takes: text(raw["takes"]),
    authors: text(raw["authors"]),
    context: bound(raw["context"]),
    price: bound(raw["price"]),
    free: raw["free"] === true || raw["free"] === "true" ? true : undefined,
    sort: text(raw["sort"]),
    picked: text(raw["picked"]),
  };
}

export const listOf = (joined: string | undefined): string[] => joined?.split(",").filter(Boolean) ?? [];

/** A list with one more, or one less when it was there; undefined when nothing is left. */
export function toggled(joined: string | undefined, one: string): string | undefined {
  const list = listOf(joined);
  const next = list.includes(one) ? list.filter((other) => other !== one) : [...list, one];
  return next.length === 0 ? undefined : next.join(",");
}

export function sortingOf(sort: string | undefined): Sorting | null {
  if (sort === undefined) return null;
  return sort.startsWith("-") ? { by: sort.slice(1), isDescending: true } : { by: sort, isDescending: false };
}

export const sortOf = (sorting: Sorting): string => `${sorting.isDescending ? "-" : ""}${sorting.by}`;

export const authorOf = (model: Model): string => model.id.replace(/^~/, "").split("/")[0] ?? "";

/** USD per million tokens; null when it varies. */
export function priceOf(price: string | undefined): number | null {
  const value = Number(price ?? Number.NaN);
  return Number.isFinite(value) && value >= 0 ? value * 1_000_000 : null;
}

const has = (all: string[], wanted: string[]): boolean => wanted.every((one) => all.includes(one));

function meets(model: Model, search: ModelsSearch, words: string[]): boolean {
  const hay = `${model.id} ${model.name}`.toLowerCase();
  const price = priceOf(model.pricing.prompt);
  const authors = listOf(search.authors);
  return (
    words.every((word) => hay.includes(word)) &&
    has(model.architecture.input_modalities, listOf(search.reads)) &&
    has(model.architecture.output_modalities, listOf(search.writes)) &&
    has(model.supported_parameters, listOf(search.takes)) &&
    (authors.length === 0 || authors.includes(authorOf(model))) &&
    (search.context === undefined || (model.context_length ?? 0) >= search.context) &&
    (search.price === undefined || (price !== null && price <= search.price)) &&
    (search.free !== true || (price === 0 && priceOf(model.pricing.completion) === 0))
  );
}

export function filtered(models: readonly Model[], search: ModelsSearch): Model[] {
  const words = (search.q ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  return models.filter((model) => meets(model, search, words));
}

/** Every value of a kind with how many models have it, the commonest first. */
export function tally(models: readonly Model[], values: (model: Model) => string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const model of models) {
    for (const value of values(model)) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts].sort(([one, first], [other, second]) => second - first || one.localeCompare(other));
}
