import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import { useOnce } from "~/api/once";
import { rowsOf } from "~/api/paged";
import { exactUsd, nanoOf, usdOfNano } from "~/format/money";
import { count } from "~/format/number";
import { date, dateTime } from "~/format/time";
import { Ago } from "~/ui/Ago";
import { Button } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { Badge, Empty, ErrorNote, Loading, Note } from "~/ui/Note";
import { Page, Stats } from "~/ui/Page";
import { Pager } from "~/ui/PagedTable";
import { type Column, Table } from "~/ui/Table";
import { say } from "~/ui/toast";

import { BillDifference, BillState } from "./BillsPage";
import { TenantLink } from "./TenantLink";
import { type Bill, type Difference, KINDS, type ModelSum, billQuery, isCompared, payBill } from "./bills";
import "./operator.css";

const route = getRouteApi("/inside/operator/bills/$id");

const more = (theirs: string, ours: string): bigint => (nanoOf(theirs) ?? 0n) - (nanoOf(ours) ?? 0n);

const MODELS: Column<ModelSum>[] = [
  {
    id: "model",
    head: "Model, as billed",
    width: "minmax(220px, 3fr)",
    value: (one) => one.model,
    cell: (one) => <span className="mono">{one.model}</span>,
  },
  {
    id: "theirs",
    head: "Billed",
    width: "150px",
    align: "right",
    value: (one) => Number(one.theirs),
    cell: (one) => exactUsd(one.theirs),
  },
  {
    id: "ours",
    head: "Reckoned",
    width: "150px",
    align: "right",
    value: (one) => Number(one.ours),
    cell: (one) => exactUsd(one.ours),
  },
  {
    id: "difference",
    head: "Difference",
    width: "150px",
    align: "right",
    value: (one) => Number(one.theirs) - Number(one.ours),
    cell: (one) => usdOfNano(more(one.theirs, one.ours)),
  },
  {
    id: "alert",
    head: "Verdict",
    width: "130px",
    value: (one) => Number(one.is_alert),
    cell: (one) => (one.is_alert ? <Badge tone="warn">over 0.5%</Badge> : <Badge tone="good">agrees</Badge>),
  },
];

const DIFFERENCE_COLUMNS: Column<Difference>[] = [
  { id: "day", head: "Day", width: "120px", value: (one) => one.day, cell: (one) => date(one.day) },
  {
    id: "kind",
    head: "What",
    width: "140px",
    value: (one) => one.kind,
    cell: (one) => <span title={KINDS[one.kind]?.meaning}>{KINDS[one.kind]?.label ?? one.kind}</span>,
  },
  {
    id: "model",
    head: "Model",
    width: "minmax(170px, 2fr)",
    value: (one) => one.model,
    cell: (one) => <span className="mono">{one.model}</span>,
  },
  {
    id: "theirs",
    head: "Billed",
    width: "120px",
    align: "right",
    value: (one) => Number(one.theirs),
    cell: (one) => exactUsd(one.theirs),
  },
  {
    id: "ours",
    head: "Reckoned",
    width: "120px",
    align: "right",
    value: (one) => Number(one.ours),
    cell: (one) => exactUsd(one.ours),
  },
  {
    id: "tenant",
    head: "Tenant",
    width: "minmax(120px, 1fr)",
    cell: (one) => <TenantLink id={one.tenant_id} />,
  },
  {
    id: "request",
    head: "Request, generation",
    width: "minmax(200px, 2fr)",
    cell: (one) => (
      <div className="stack-tight">
        <span className="mono soft">{one.request_id ?? "–"}</span>
        {one.generation_id ? <span className="mono soft">{one.generation_id}</span> : null}
      </div>
    ),
  },
];

function PayDialog({ of, onClose }: { of: Bill; onClose: () => void }) {
  const once = useOnce();
  const { form, field } = useForm({ amount: of.amount, reference: "" });
  async function submit(): Promise<void> {
    if ((nanoOf(form.amount) ?? -1n) < 0n) throw new Error("An amount in USD, such as 812.40.");
    const body = { amount: form.amount.trim(), reference: form.reference.trim() };
    await payBill(of.bill_id, once(body), body);
    say("The payment is booked.");
  }
  return (
    <FormDialog
      title={`Pay ${of.provider}`}
      action="Book the payment"
      onClose={onClose}
      changes={[
        ["operator", "bill"],
        ["operator", "bills"],
        ["operator", "accounts"],
      ]}
      onSubmit={submit}
    >
      <p>
        Books the payment of {date(of.first_day)} to {date(of.last_day)} from cash to what we owe{" "}
        {of.provider}, and the difference to the {exactUsd(of.ours)} that we reckoned to cogs_variance:
        {of.provider}.
      </p>
      <Note tone="warn">A day is paid once: a bill of the same days cannot be paid again.</Note>
      <TextField label="Amount (USD)" inputMode="decimal" required autoFocus {...field("amount")} />
      <TextField label="Reference" placeholder="wire 7" {...field("reference")} />
    </FormDialog>
  );
}

function Figures({ of }: { of: Bill }) {
  return (
    <Stats
      figures={[
        { label: "State", value: <BillState of={of} /> },
        { label: "Billed", value: exactUsd(of.amount), note: `${count(of.lines)} lines` },
        { label: "Reckoned", value: exactUsd(of.ours) },
        {
          label: "Difference",
          value: <BillDifference amount={of.difference} />,
          note: of.difference === null ? null : more(of.difference, "0") > 0n ? "billed beyond" : null,
        },
        of.paid_at
          ? { label: "Paid", value: exactUsd(of.paid), note: <Ago of={of.paid_at} /> }
          : { label: "Paid", value: "not yet" },
      ]}
    />
  );
}

export function BillPage() {
  const { id } = route.useParams();
  const list = useInfiniteQuery(billQuery(id));
  const [isAsked, ask] = useState(false);
  const pages = rowsOf(list.data);
  const bill = pages?.[0];
  const differences = pages?.flatMap((page) => page.differences) ?? [];
  return (
    <Page
      title={bill ? `Bill of ${bill.provider}` : "Bill"}
      about={
        bill
          ? `${date(bill.first_day)} to ${date(bill.last_day)}; ${bill.file_name || "a file"} in the format ${bill.format}, imported ${dateTime(bill.imported_at)} by ${bill.imported_by}.`
          : null
      }
      actions={
        bill && isCompared(bill) && !bill.paid_at && !bill.error ? (
          <Button kind="primary" onClick={() => ask(true)}>
            Pay
          </Button>
        ) : null
      }
    >
      {list.error ? <ErrorNote error={list.error} onRetry={() => void list.refetch()} /> : null}
      {bill ? (
        <>
          {bill.error ? <Note tone="bad">{bill.error}</Note> : null}
          <Figures of={bill} />
          <section className="stack">
            <h2>By model</h2>
            <Table
              label="By model"
              rows={bill.by_model}
              columns={MODELS}
              rowKey={(one) => one.model}
              isWhole={bill.by_model.length <= 12}
              empty={
                <p className="soft">{isCompared(bill) ? "The bill has no lines." : "Being compared…"}</p>
              }
            />
          </section>
          <section className="stack">
            <h2>Differences</h2>
            <Table
              label="Differences"
              rows={differences}
              columns={DIFFERENCE_COLUMNS}
              rowKey={(one) => String(one.n)}
              rowHeight={60}
              empty={
                isCompared(bill) ? (
                  <Empty title="No differences">The bill and the ledger agree, day by day.</Empty>
                ) : (
                  <p className="soft">Being compared, a day at a time.</p>
                )
              }
            />
            <Pager list={list} label="Show more" />
          </section>
          {isAsked ? <PayDialog of={bill} onClose={() => ask(false)} /> : null}
        </>
      ) : list.error ? null : (
        <Loading />
      )}
    </Page>
  );
}
