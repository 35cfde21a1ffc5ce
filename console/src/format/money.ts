// Amounts. The public API gives JSON numbers in USD with at most nine decimals, the operators' API strings of the same.
// Strings are read as integers of nano-USD: no amount of the ledger passes through floating point.

const NANO = 1_000_000_000n;
const AMOUNT = /^([+-]?)(\d+)(?:\.(\d{1,12}))?$/;

/** Nano-USD of an amount as the API writes it; null when it is none. Beyond nine decimals it rounds half away from zero. */
export function nanoOf(amount: string): bigint | null {
  const parts = AMOUNT.exec(amount.trim());
  if (parts === null) return null;
  const decimals = (parts[3] ?? "").padEnd(12, "0");
  const pico = BigInt(parts[2] ?? "0") * NANO * 1000n + BigInt(decimals);
  const nano = (pico + 500n) / 1000n;
  return parts[1] === "-" ? -nano : nano;
}

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, ",");
}

/** At least two decimals, and as many more as the amount has: nothing of a ledger is rounded away. */
export function usdOfNano(nano: bigint): string {
  const size = nano < 0n ? -nano : nano;
  const decimals = (size % NANO)
    .toString()
    .padStart(9, "0")
    .replace(/0{1,7}$/, "");
  return `${nano < 0n ? "−" : ""}$${grouped((size / NANO).toString())}.${decimals}`;
}

/** An exact amount from a string of the operators' API; what is none is shown as it is. */
export function exactUsd(amount: string | null | undefined): string {
  if (amount === null || amount === undefined) return "–";
  const nano = nanoOf(amount);
  return nano === null ? amount : usdOfNano(nano);
}

/** How many decimals tell something of an amount: cents from a dollar on, three figures below. */
function decimalsOf(size: number): number {
  if (size === 0 || size >= 1) return 2;
  return Math.min(9, Math.max(2, 2 - Math.floor(Math.log10(size))));
}

/** An amount to be read at a glance: `$12.34`, `$0.0123`, `$0.00000412`. */
export function usd(amount: number | string | null | undefined): string {
  if (amount === null || amount === undefined) return "–";
  const value = typeof amount === "string" ? Number(amount) : amount;
  if (!Number.isFinite(value)) return String(amount);
  const size = Math.abs(value);
  const decimals = decimalsOf(size);
  const text = size.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: decimals });
  return `${value < 0 && Number(size.toFixed(decimals)) !== 0 ? "−" : ""}$${text}`;
}

/** A price per token as models have it, as USD per million tokens. Negative prices are those of router models. */
export function perMillion(price: string | null | undefined): string {
  if (price === null || price === undefined || price === "") return "–";
  const value = Number(price);
  if (!Number.isFinite(value)) return price;
  if (value < 0) return "varies";
  if (value === 0) return "free";
  return usd(Number((value * 1_000_000).toPrecision(12)));
}

/** An amount that somebody typed, as the number that requests carry; null when it is no positive amount. */
export function typedUsd(text: string): number | null {
  const nano = nanoOf(
    text
      .trim()
      .replace(/^\$\s*/, "")
      .replaceAll(",", ""),
  );
  return nano === null || nano < 0n ? null : Number(nano) / 1e9;
}
