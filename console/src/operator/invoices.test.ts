import { expect, test } from "vitest";

import { type Invoice, amountOf, creditable, invoiceSearch } from "./invoices";

const invoice = (members: Partial<Invoice>): Invoice => ({
  id: "i",
  tenant_id: "t",
  period_id: "1",
  state: "finalised",
  payment: "postpaid",
  number: "INV-2026-000001",
  sha256: null,
  charges: "48.684775546",
  covered_by_credit: "0",
  rounding: null,
  net: "48.68",
  tax: "9.25",
  total: "57.93",
  due_on: null,
  paid: "0",
  credited: "7.93",
  left: "50",
  opening: "0",
  closing: "0",
  is_frozen: false,
  drafted_at: "2026-12-01T00:00:00Z",
  finalise_after: null,
  finalised_at: null,
  voided_at: null,
  ...members,
});

test("an invoice is credited up to its total, a statement up to its charges", () => {
  expect(amountOf(creditable(invoice({})))).toBe("50");
  expect(amountOf(creditable(invoice({ payment: "prepaid", total: "0.00", credited: "8.684775546" })))).toBe(
    "40",
  );
});

test("amounts are written as the API takes them", () => {
  expect(amountOf(1n)).toBe("0.000000001");
  expect(amountOf(12_500_000_000n)).toBe("12.5");
  expect(amountOf(-500_000_000n)).toBe("-0.5");
});

test("what an address says of invoices is taken or left out", () => {
  expect(invoiceSearch({ state: "grace", tenant: "t", period: 3 })).toEqual({
    state: "grace",
    tenant: "t",
    period: "3",
  });
  expect(invoiceSearch({ state: "lost", tenant: "", period: "x" })).toEqual({});
});
