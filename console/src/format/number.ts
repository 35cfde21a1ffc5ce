// Counts, shares and speeds.

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

type Maybe = number | null | undefined;
const isMissing = (value: Maybe): value is null | undefined => value === null || value === undefined;

export const count = (value: Maybe): string => (isMissing(value) ? "–" : whole.format(value));
/** `1 model`, `2 models`. */
export const counted = (value: number, one: string): string =>
  `${whole.format(value)} ${value === 1 ? one : `${one}s`}`;
/** `128K`, `1.2M`. */
export const compact = (value: Maybe): string => (isMissing(value) ? "–" : short.format(value));

/** A share of one as percent: `99.87%`. */
export function percent(share: Maybe, decimals = 1): string {
  return isMissing(share) ? "–" : `${(share * 100).toFixed(decimals)}%`;
}

/** Milliseconds as people say them: `412 ms`, `1.8 s`, `2 min 5 s`. */
export function duration(milliseconds: Maybe): string {
  if (isMissing(milliseconds)) return "–";
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 1 : 0)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Tokens per second. */
export function throughput(value: Maybe): string {
  return isMissing(value) ? "–" : `${value < 10 ? value.toFixed(1) : whole.format(value)} tok/s`;
}
