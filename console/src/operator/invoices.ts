// Periods and the invoices that come of them. The API's description leaves both open, so their shapes are written here.

import { queryOptions } from "@tanstack/react-query";

import { admin, answer, document } from "~/api/client";
import type { OnceHeader } from "~/api/once";
import { type Paged, pagedQuery } from "~/api/paged";
import { nanoOf } from "~/format/money";
import type { Tone } from "~/ui/Note";

export interface Period {
  id: string;
  state: "open" | "closed";
  invoices: number;
  opened_at: string;
  closed_at: string | null;
  /** When its invoices were drafted; null while that is under way. */
  drafted_at: string | null;
  /** Of its invoices; older platforms do not say. */
  progress?: { drafted: number; issued: number; frozen: number };
}

export type InvoiceState = "draft" | "grace" | "finalised" | "void";

/** Amounts are USD; those of the document are null until it is issued. */
export interface Invoice {
  id: string;
  tenant_id: string;
  period_id: string;
  state: InvoiceState;
  payment: "prepaid" | "postpaid";
  number: string | null;
  sha256: string | null;
  charges: string;
  covered_by_credit: string;
  rounding: string | null;
  net: string | null;
  tax: string | null;
  total: string | null;
  due_on: string | null;
  paid: string;
  credited: string;
  left: string | null;
  opening: string;
  closing: string;
  is_frozen: boolean;
  drafted_at: string;
  finalise_after: string | null;
  finalised_at: string | null;
  voided_at: string | null;
}

export interface InvoiceLine {
  kind: string;
  model: string;
  provider: string;
  provider_name: string;
  late: boolean;
  requests: number;
  units: Record<string, number>;
  provider_cost: string;
  markup: string;
  waived: string;
  amount: string;
  first_at: string | null;
  last_at: string | null;
}

export interface CreditNote {
  id: string;
  number: string;
  amount: string;
  net: string;
  tax: string;
  reason: string;
  issued_at: string;
}

export interface ReceivedPayment {
  id: string;
  amount: string;
  received_on: string;
  reference: string;
  recorded_at: string;
}

export interface WholeInvoice extends Invoice {
  lines: InvoiceLine[];
  credit_notes: CreditNote[];
  payments: ReceivedPayment[];
  freeze: Freeze | null;
  account: {
    opening: string;
    closing: string;
    movements: { kind: string; amount: string; transfers: number }[];
  };
}

/** Why a tenant's invoices are held back. */
export interface Freeze {
  reason: string;
  frozen_at: string;
}

export interface InvoiceSearch {
  state?: InvoiceState | undefined;
  tenant?: string | undefined;
  period?: string | undefined;
}

export const STATES: { value: InvoiceState; label: string; tone: Tone | undefined }[] = [
  { value: "draft", label: "draft", tone: undefined },
  { value: "grace", label: "in grace", tone: "accent" },
  { value: "finalised", label: "issued", tone: "good" },
  { value: "void", label: "void", tone: "warn" },
];

export function invoiceSearch(raw: Record<string, unknown>): InvoiceSearch {
  const { state, tenant, period } = raw;
  return {
    state: STATES.find((one) => one.value === state)?.value,
    tenant: typeof tenant === "string" && tenant !== "" ? tenant : undefined,
    // Figures of an address are read as numbers.
    period: /^[1-9]\d{0,17}$/.test(String(period)) ? String(period) : undefined,
  };
}

const SOON = 1_000;

/** Asked again every second while invoices are being drafted. */
export const periodsQuery = pagedQuery<Period>(
  ["operator", "periods"],
  (query) => document<Paged<Period>>(admin.GET("/periods", { params: { query } })),
  (periods) => (periods.some(isDrafting) ? SOON : false),
);

export const isDrafting = (period: Period): boolean =>
  period.state === "closed" && period.drafted_at === null;

export const invoicesQuery = ({ state, tenant, period }: InvoiceSearch) =>
  pagedQuery<Invoice>(["operator", "invoices", { state, tenant, period }], (paging) => {
    const query = {
      ...paging,
      ...(state ? { state } : {}),
      ...(tenant ? { tenant_id: tenant } : {}),
      ...(period ? { period_id: period } : {}),
    };
    return document<Paged<Invoice>>(admin.GET("/invoices", { params: { query } }));
  });

export const invoiceQuery = (id: string) =>
  queryOptions({
    queryKey: ["operator", "invoice", id],
    queryFn: () => document<WholeInvoice>(admin.GET("/invoices/{id}", { params: { path: { id } } })),
  });

export const closePeriod = (id: string): Promise<Period> =>
  document<Period>(admin.POST("/periods/close", { body: { period_id: id } }));

export const finaliseInvoice = (id: string): Promise<Invoice> =>
  document<Invoice>(admin.POST("/invoices/{id}/finalise", { params: { path: { id } } }));

export const creditInvoice = (id: string, header: OnceHeader, body: { amount: string; reason: string }) =>
  document<CreditNote>(
    admin.POST("/invoices/{id}/credit-notes", {
      params: { path: { id }, header },
      body,
    }),
  );

export const recordPayment = (
  id: string,
  header: OnceHeader,
  body: { amount: string; received_on: string; reference: string },
) =>
  answer(
    admin.POST("/invoices/{id}/payments", {
      params: { path: { id }, header },
      body,
    }),
  );

export const fileOf = (id: string, form: "pdf" | "html" | "json"): string =>
  `/admin/v1/invoices/${id}.${form}`;

/** What can still be credited of an issued document, in nano-USD: a statement's charges, an invoice's total. */
export function creditable(invoice: Invoice): bigint {
  const whole = invoice.payment === "prepaid" ? invoice.charges : (invoice.total ?? "0");
  return (nanoOf(whole) ?? 0n) - (nanoOf(invoice.credited) ?? 0n);
}

/** An amount of nano-USD as the API takes it. */
export function amountOf(nano: bigint): string {
  const sign = nano < 0n ? "-" : "";
  const size = nano < 0n ? -nano : nano;
  const decimals = (size % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "");
  return `${sign}${size / 1_000_000_000n}${decimals === "" ? "" : `.${decimals}`}`;
}
