// What the lists of the catalogue are searched by, as the address holds it.

type Raw = Record<string, unknown>;

export interface CatalogueSearch {
  q?: string | undefined;
  provider?: string | undefined;
  model?: string | undefined;
  show?: Show | undefined;
  /** A column; with a minus, downwards. */
  sort?: string | undefined;
}

/** Without it, all. */
export type Show = "used" | "unusable" | "unwell" | "off" | "deprecated";
const SHOWS: readonly Show[] = ["used", "unusable", "unwell", "off", "deprecated"];

const text = (value: unknown): string | undefined => {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
};

export function catalogueSearch(raw: Raw): CatalogueSearch {
  return {
    q: text(raw["q"]),
    provider: text(raw["provider"]),
    model: text(raw["model"]),
    show: SHOWS.find((one) => one === raw["show"]),
    sort: text(raw["sort"]),
  };
}

export const changesSearch = (raw: Raw): { subject?: string | undefined } => ({
  subject: text(raw["subject"]),
});

/** Whether every word of a query is somewhere in a text. */
export function matches(query: string | undefined, ...texts: (string | null | undefined)[]): boolean {
  const whole = texts.join(" ").toLowerCase();
  return (query ?? "")
    .toLowerCase()
    .split(/\s+/)
    .every((word) => whole.includes(word));
}
