import { useInfiniteQuery } from "@tanstack/react-query";

import { api, document } from "~/api/client";
import { type Paged, pagedQuery } from "~/api/paged";
import { exactUsd } from "~/format/money";
import { date } from "~/format/time";
import { Badge, Empty } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { PagedTable } from "~/ui/PagedTable";
import type { Column } from "~/ui/Table";

import { UsageExport } from "./UsageExport";

/** A document as it is listed; the API's description leaves it open. Amounts are strings. */
interface Listed {
  number: string;
  kind: string;
  issued_at: string;
  due_on: string | null;
  total: string | null;
  amount_due: string | null;
  sha256: string;
}

const KINDS: Record<string, string> = {
  invoice: "Invoice",
  statement: "Statement",
  credit_note: "Credit note",
  receipt: "Receipt",
};

const linkOf = (number: string, form: string): string =>
  `/api/v1/invoices/${encodeURIComponent(number)}.${form}`;

const COLUMNS: Column<Listed>[] = [
  {
    id: "number",
    head: "Number",
    width: "minmax(170px, 1fr)",
    cell: (one) => (
      <a href={linkOf(one.number, "html")} target="_blank" rel="noreferrer">
        {one.number}
      </a>
    ),
  },
  { id: "kind", head: "Kind", width: "130px", cell: (one) => KINDS[one.kind] ?? one.kind },
  { id: "issued", head: "Issued", width: "130px", cell: (one) => date(one.issued_at) },
  { id: "total", head: "Total", width: "140px", align: "right", cell: (one) => exactUsd(one.total) },
  {
    id: "due",
    head: "Due",
    width: "140px",
    align: "right",
    cell: (one) => (one.amount_due ? exactUsd(one.amount_due) : "–"),
  },
  {
    id: "by",
    head: "By",
    width: "130px",
    cell: (one) => (one.due_on ? <Badge tone="warn">{date(one.due_on)}</Badge> : "–"),
  },
  {
    id: "files",
    head: "Files",
    width: "130px",
    cell: (one) => (
      <span className="bar">
        <a href={linkOf(one.number, "pdf")} download aria-label={`${one.number} as PDF`}>
          PDF
        </a>
        <a
          href={linkOf(one.number, "json")}
          download
          aria-label={`${one.number} as JSON`}
          title={`SHA-256 ${one.sha256}`}
        >
          JSON
        </a>
      </span>
    ),
  },
];

const documentsQuery = pagedQuery(["invoices"], (query) =>
  document<Paged<Listed>>(api.GET("/invoices", { params: { query } })),
);

export function InvoicesPage() {
  const list = useInfiniteQuery(documentsQuery);
  return (
    <Page
      title="Invoices"
      about="Invoices, statements, credit notes and receipts. None of them ever changes; corrections are documents of their own."
    >
      <PagedTable
        list={list}
        label="Documents"
        columns={COLUMNS}
        rowKey={(one) => one.number}
        empty={
          <Empty title="No documents yet">
            A receipt comes with each purchase, a statement or an invoice when a month is closed.
          </Empty>
        }
      />
      <UsageExport base="/api/v1" />
    </Page>
  );
}
