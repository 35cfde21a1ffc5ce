import { describe, expect, test } from "vitest";

import { exactUsd, nanoOf, perMillion, typedUsd, usd, usdOfNano } from "./money";

describe("amounts of the operators' API", () => {
  test("are read without floating point", () => {
    expect(nanoOf("9007199254740993.000000001")).toBe(9007199254740993000000001n);
    expect(nanoOf("-0.5")).toBe(-500000000n);
    expect(nanoOf("3")).toBe(3000000000n);
    expect(nanoOf("0.0000000005")).toBe(1n);
  });
  test("are shown with every decimal that they have", () => {
    expect(exactUsd("1234567.000000001")).toBe("$1,234,567.000000001");
    expect(exactUsd("12.5")).toBe("$12.50");
    expect(exactUsd("-0.1")).toBe("−$0.10");
    expect(usdOfNano(0n)).toBe("$0.00");
    expect(exactUsd("0.120000000")).toBe("$0.12");
  });
  test("that are none are shown as they are", () => {
    expect(nanoOf("1e3")).toBeNull();
    expect(exactUsd("n/a")).toBe("n/a");
    expect(exactUsd(null)).toBe("–");
  });
});

describe("amounts at a glance", () => {
  test("have cents from a dollar on and three figures below", () => {
    expect(usd(1234.5678)).toBe("$1,234.57");
    expect(usd(0.012345)).toBe("$0.0123");
    expect(usd(0.00000412)).toBe("$0.00000412");
    expect(usd(0)).toBe("$0.00");
    expect(usd(0.5)).toBe("$0.50");
  });
  test("have their sign in front", () => expect(usd(-3.2)).toBe("−$3.20"));
});

describe("prices of tokens", () => {
  test("are per million", () => {
    expect(perMillion("0.0000025")).toBe("$2.50");
    expect(perMillion("0.00000005")).toBe("$0.05");
    expect(perMillion("0")).toBe("free");
    expect(perMillion("-1")).toBe("varies");
    expect(perMillion(undefined)).toBe("–");
  });
});

describe("typed amounts", () => {
  test("may have a sign of the currency and separators", () => expect(typedUsd("$1,200.50")).toBe(1200.5));
  test("are refused when they are none", () => {
    expect(typedUsd("ten")).toBeNull();
    expect(typedUsd("-1")).toBeNull();
    expect(typedUsd("")).toBeNull();
  });
});
