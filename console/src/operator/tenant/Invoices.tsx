import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { admin, answer } from "~/api/client";
import { rowsOf } from "~/api/paged";
import { exactUsd } from "~/format/money";
import { date, dateTime } from "~/format/time";
import { UsageExport } from "~/invoices/UsageExport";
import { Button } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { TextField } from "~/ui/Field";
import { Badge, Empty } from "~/ui/Note";
import { Card } from "~/ui/Page";
import { PagedTable } from "~/ui/PagedTable";
import type { Column } from "~/ui/Table";
import { say } from "~/ui/toast";

import { useInvoiceChanged } from "../InvoiceDialogs";
import { invoiceColumns } from "../InvoicesPage";
import { invoiceQuery, invoicesQuery } from "../invoices";
import { type IssuedDocument, documentsQuery } from "./tenant";

const KINDS: Record<IssuedDocument["kind"], string> = {
  invoice: "Invoice",
  statement: "Statement",
  credit_note: "Credit note",
  receipt: "Receipt",
};

const documentColumns = (tenant: string): Column<IssuedDocument>[] => {
  const link = (one: IssuedDocument, form: string) =>
    `/admin/v1/tenants/${tenant}/invoices/${encodeURIComponent(one.number)}.${form}`;
  return [
    {
      id: "number",
      head: "Number",
      width: "minmax(170px, 1fr)",
      cell: (one) => (
        <a href={link(one, "html")} target="_blank" rel="noreferrer">
          {one.number}
        </a>
      ),
    },
    {
      id: "kind",
      head: "Kind",
      width: "130px",
      value: (one) => one.kind,
      cell: (one) => KINDS[one.kind] ?? one.kind,
    },
    {
      id: "issued",
      head: "Issued",
      width: "130px",
      value: (one) => one.issued_at,
      cell: (one) => date(one.issued_at),
    },
    {
      id: "total",
      head: "Total",
      width: "140px",
      align: "right",
      value: (one) => (one.total === null ? null : Number(one.total)),
      cell: (one) => exactUsd(one.total),
    },
    {
      id: "pdf",
      head: "File",
      width: "80px",
      cell: (one) => (
        <a href={link(one, "pdf")} download aria-label={`${one.number} as PDF`}>
          PDF
        </a>
      ),
    },
  ];
};

function FreezeDialog({ tenant, onClose }: { tenant: string; onClose: () => void }) {
  const changed = useInvoiceChanged();
  const [reason, setReason] = useState("");
  async function submit(): Promise<void> {
    const body = { reason: reason.trim() };
    await answer(admin.PUT("/tenants/{tenant}/invoicing-freeze", { params: { path: { tenant } }, body }));
    await changed();
    say("Invoicing is frozen.");
  }
  return (
    <FormDialog title="Freeze invoicing?" kind="danger" action="Freeze" onClose={onClose} onSubmit={submit}>
      <p>
        Drafts of this tenant stay drafts until the freeze is lifted. Its requests are served all the while.
      </p>
      <TextField
        label="Reason"
        required
        autoFocus
        value={reason}
        onChange={(event) => setReason(event.target.value)}
      />
    </FormDialog>
  );
}

function LiftDialog({ tenant, onClose }: { tenant: string; onClose: () => void }) {
  const changed = useInvoiceChanged();
  async function submit(): Promise<void> {
    await answer(admin.DELETE("/tenants/{tenant}/invoicing-freeze", { params: { path: { tenant } } }));
    await changed();
    say("Invoicing goes on.");
  }
  return (
    <FormDialog title="Lift the freeze?" action="Lift the freeze" onClose={onClose} onSubmit={submit}>
      <p>
        Drafts whose grace is over are issued within moments. A freeze that came of a breached invariant comes
        again as long as the breach is there.
      </p>
    </FormDialog>
  );
}

/** Whether documents are held back: invoices tell, and there is no other answer that does. */
function Freeze({ tenant }: { tenant: string }) {
  const rows = rowsOf(useInfiniteQuery(invoicesQuery({ tenant })).data);
  const newest = rows?.[0];
  const { data } = useQuery({ ...invoiceQuery(newest?.id ?? ""), enabled: newest?.is_frozen === true });
  const [asked, ask] = useState<"freeze" | "lift" | null>(null);
  return (
    <Card
      title="Invoicing"
      actions={
        <span className="bar">
          {newest?.is_frozen === false ? null : (
            <Button size="small" onClick={() => ask("lift")}>
              Lift the freeze
            </Button>
          )}
          {newest?.is_frozen === true ? null : (
            <Button size="small" kind="danger" onClick={() => ask("freeze")}>
              Freeze
            </Button>
          )}
        </span>
      }
    >
      {newest === undefined ? (
        <p className="soft">Whether it is frozen shows with the first draft.</p>
      ) : newest.is_frozen ? (
        <p>
          <Badge tone="bad">frozen</Badge>{" "}
          {data?.freeze ? `since ${dateTime(data.freeze.frozen_at)}: ${data.freeze.reason}` : null}
        </p>
      ) : (
        <p>
          <Badge tone="good">goes on</Badge> Drafts are issued when their grace is over.
        </p>
      )}
      {asked === "freeze" ? <FreezeDialog tenant={tenant} onClose={() => ask(null)} /> : null}
      {asked === "lift" ? <LiftDialog tenant={tenant} onClose={() => ask(null)} /> : null}
    </Card>
  );
}

const INVOICES = invoiceColumns(null);

function Documents({ tenant }: { tenant: string }) {
  const list = useInfiniteQuery(documentsQuery(tenant));
  return (
    <section className="stack">
      <h2>Issued documents</h2>
      <PagedTable
        list={list}
        label="Issued documents"
        columns={documentColumns(tenant)}
        rowKey={(one) => one.number}
        wholeUpTo={20}
        empty={<p className="soft">Nothing was issued yet. Receipts come with purchases.</p>}
      />
    </section>
  );
}

export function InvoicesPart({ tenant }: { tenant: string }) {
  const list = useInfiniteQuery(invoicesQuery({ tenant }));
  return (
    <>
      <div className="columns">
        <Freeze tenant={tenant} />
        <UsageExport base={`/admin/v1/tenants/${tenant}`} />
      </div>
      <section className="stack">
        <h2>Invoices and statements</h2>
        <PagedTable
          list={list}
          label="Invoices"
          columns={INVOICES}
          rowKey={(one) => one.id}
          wholeUpTo={20}
          empty={<Empty title="No invoice yet">One is drafted when a period closes.</Empty>}
        />
      </section>
      <Documents tenant={tenant} />
    </>
  );
}
