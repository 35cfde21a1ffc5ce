// Moments. Days and months are those of UTC, as limits, budgets and invoices count them.

const stamp = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
});
const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

type Moment = string | Date | null | undefined;

function dateOf(moment: Moment): Date | null {
  if (moment === null || moment === undefined || moment === "") return null;
  const date = moment instanceof Date ? moment : new Date(moment);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** In the reader's own time zone, which is named: days beside it are those of UTC. */
export function dateTime(moment: Moment): string {
  const date = dateOf(moment);
  return date === null ? "–" : stamp.format(date);
}

/** The UTC day. */
export function date(moment: Moment): string {
  const found = dateOf(moment);
  return found === null ? "–" : day.format(found);
}

/** `3 minutes ago`, `in 2 days`. */
export function ago(moment: Moment, now: Date = new Date()): string {
  const found = dateOf(moment);
  if (found === null) return "never";
  const seconds = Math.round((found.getTime() - now.getTime()) / 1000);
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return Math.abs(seconds) < 5 ? "just now" : relative.format(seconds, "second");
}
