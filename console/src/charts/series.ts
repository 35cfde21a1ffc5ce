// From rows of an answer to the columns of a chart: buckets without rows are there, and what is small is put together.

export type Granularity = "minute" | "quarter" | "hour" | "day" | "week" | "month";

export interface Point {
  /** Start of the bucket, seconds since 1970. */
  at: number;
  name: string;
  value: number;
  /** Of everything that the answer does not tell apart. */
  isRest?: boolean;
}

export interface Series {
  name: string;
  total: number;
  /** One for each time; `null` = nobody knows, which is a gap in a line. */
  values: (number | null)[];
  /** All that are too many to be shown apart. */
  isRest: boolean;
}

export interface Columns {
  /** Starts of the buckets, ascending. */
  times: number[];
  /** The greatest first, the rest last. */
  series: Series[];
}

/** So many colours there are (`--series-1` …), and so many series one chart can tell apart. */
export const MOST_SERIES = 8;

/** Of an hour, the quarter. */
const SECONDS = { minute: 60, quarter: 900, hour: 3600, day: 86_400, week: 604_800 } as const;
const MONDAY = 345_600;

/** The start of the bucket that a moment is in, in UTC; weeks begin on Monday. */
export function bucketOf(at: number, granularity: Granularity): number {
  if (granularity === "month") {
    const date = new Date(at * 1000);
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1) / 1000;
  }
  const size = SECONDS[granularity];
  const offset = granularity === "week" ? MONDAY : 0;
  return Math.floor((at - offset) / size) * size + offset;
}

function following(at: number, granularity: Granularity): number {
  if (granularity !== "month") return at + SECONDS[granularity];
  const date = new Date(at * 1000);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1) / 1000;
}

/** Every bucket from the one that `start` is in to the one before `end`. */
export function buckets(start: number, end: number, granularity: Granularity): number[] {
  const all: number[] = [];
  for (let at = bucketOf(start, granularity); at < end; at = following(at, granularity)) all.push(at);
  return all;
}

/** Points as columns. Beyond `most` names, the smallest are one series, together with what came as one already. */
export function columnsOf(
  points: readonly Point[],
  times: number[],
  most = MOST_SERIES,
  restName = "everything else",
): Columns {
  const places = new Map(times.map((time, place) => [time, place]));
  const totals = new Map<string, number>();
  for (const { name, value, isRest } of points)
    if (!isRest) totals.set(name, (totals.get(name) ?? 0) + value);
  const hasRest = points.some((point) => point.isRest);
  const names = [...totals]
    .sort(([one, first], [other, second]) => second - first || one.localeCompare(other))
    .map(([name]) => name);
  const shown = names.length + (hasRest ? 1 : 0) > most ? names.slice(0, most - 1) : names;
  const rows = new Map(
    shown.map((name): [string, Series] => [
      name,
      { name, total: 0, values: times.map(() => 0), isRest: false },
    ]),
  );
  const rest: Series = { name: restName, total: 0, values: times.map(() => 0), isRest: true };
  for (const point of points) {
    const place = places.get(point.at);
    if (place === undefined) continue;
    const row = (point.isRest ? undefined : rows.get(point.name)) ?? rest;
    row.values[place] = (row.values[place] ?? 0) + point.value;
    row.total += point.value;
  }
  const series = [...rows.values()];
  return { times, series: hasRest || names.length > shown.length ? [...series, rest] : series };
}

/** Each series on top of those before it. */
export function stacked(series: readonly Series[], length: number): number[][] {
  const sums = Array.from({ length }, () => 0);
  return series.map(({ values }) =>
    values.map((value, place) => {
      sums[place] = (sums[place] ?? 0) + (value ?? 0);
      return sums[place];
    }),
  );
}
