// Providers' bills beside what we say we owe. The API's description leaves them open, so their shapes are written here.

import { admin, document } from "~/api/client";
import type { OnceHeader } from "~/api/once";
import { type Paged, type Paging, pagedQuery } from "~/api/paged";

/** Amounts are USD; ours and the difference are null until the bill is compared. */
export interface Bill {
  bill_id: string;
  provider: string;
  format: string;
  file_name: string;
  first_day: string;
  last_day: string;
  lines: number;
  state: string;
  progress: { days: number; compared: number };
  amount: string;
  ours: string | null;
  difference: string | null;
  /** Models whose sums differ by more than half a percent. */
  alerts: number;
  error: string | null;
  paid: string | null;
  paid_at: string | null;
  imported_at: string;
  imported_by: string;
  compared_at: string | null;
}

export interface ModelSum {
  model: string;
  ours: string;
  theirs: string;
  is_alert: boolean;
  endpoint_ids: string[];
}

export interface Difference {
  n: number;
  day: string;
  kind: string;
  model: string;
  ours: string;
  theirs: string;
  request_id?: string;
  generation_id?: string;
  tenant_id?: string;
}

/** A bill with one page of its differences. */
export interface WholeBill extends Bill {
  by_model: ModelSum[];
  differences: Difference[];
  next: string | null;
}

export const KINDS: Record<string, { label: string; meaning: string }> = {
  missing_here: { label: "not known here", meaning: "The bill has a request that we do not know." },
  missing_there: { label: "not on the bill", meaning: "We know of a cost that the bill does not name." },
  amount: { label: "another amount", meaning: "They differ by more than half a percent." },
  model_day: { label: "a model's day", meaning: "A model's day differs." },
};

const SOON = 1_000;
export const isCompared = (bill: Pick<Bill, "compared_at" | "error">): boolean =>
  bill.compared_at !== null || bill.error !== null;

export const billsQuery = (provider: string | undefined) =>
  pagedQuery<Bill>(
    ["operator", "bills", { provider }],
    (paging) =>
      document<Paged<Bill>>(
        admin.GET("/reconciliations", {
          params: { query: { ...paging, ...(provider ? { provider } : {}) } },
        }),
      ),
    (bills) => (bills.every(isCompared) ? false : SOON),
  );

/** A page of a bill: the first page's sums hold for the whole. */
export const billQuery = (id: string) => ({
  ...pagedQuery<WholeBill>(
    ["operator", "bill", id],
    (query: Paging) =>
      document<WholeBill>(admin.GET("/reconciliations/{id}", { params: { path: { id }, query } })).then(
        (bill) => ({
          data: [bill],
          next: bill.next,
        }),
      ),
    (pages) => (pages[0] && !isCompared(pages[0]) ? SOON : false),
  ),
});

export const FORMATS = [
  { value: "generic", label: "columns day, model, cost (generic)" },
  { value: "openai", label: "OpenAI's export of costs" },
  { value: "anthropic", label: "Anthropic's export of costs" },
];

export interface Import {
  provider: string;
  format: string;
  first: string;
  last: string;
  columns: string;
  models: string;
}

/** A JSON object of `one = other` lines; null when there is none. */
export function mapOf(lines: string, what: string): string | null {
  const pairs = lines
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => {
      const at = line.indexOf("=");
      if (at < 1 || line.slice(at + 1).trim() === "")
        throw new Error(`${what}: write “one = other”, one a line.`);
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()] as const;
    });
  return pairs.length === 0 ? null : JSON.stringify(Object.fromEntries(pairs));
}

export async function importBill(form: Import, file: File, header: OnceHeader): Promise<Bill> {
  const columns = mapOf(form.columns, "Columns");
  const models = mapOf(form.models, "Models");
  const query = {
    provider: form.provider.trim(),
    format: form.format,
    first_day: form.first,
    last_day: form.last,
    file_name: file.name,
    ...(columns ? { columns } : {}),
    ...(models ? { models } : {}),
  };
  return document<Bill>(
    admin.POST("/reconciliations", {
      params: { query, header },
      body: await file.text(),
      headers: { "content-type": "text/csv" },
      // The body is the file as it is.
      bodySerializer: (text) => text,
    }),
  );
}

export const payBill = (id: string, header: OnceHeader, body: { amount: string; reference: string }) =>
  document<Bill>(admin.POST("/reconciliations/{id}/pay", { params: { path: { id }, header }, body }));
