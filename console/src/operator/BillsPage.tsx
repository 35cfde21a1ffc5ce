import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, getRouteApi, useRouter } from "@tanstack/react-router";
import { useState } from "react";

import { useOnce } from "~/api/once";
import { rowsOf } from "~/api/paged";
import { exactUsd, nanoOf } from "~/format/money";
import { count } from "~/format/number";
import { ago, date } from "~/format/time";
import { Button } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { SelectField, TextArea, TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { Badge, Empty } from "~/ui/Note";
import { Meter, Page } from "~/ui/Page";
import { PagedTable } from "~/ui/PagedTable";
import { SearchBox } from "~/ui/SearchBox";
import type { Column } from "~/ui/Table";

import { type Bill, FORMATS, billsQuery, importBill, isCompared } from "./bills";

const route = getRouteApi("/inside/operator/bills");

export function BillState({ of }: { of: Bill }) {
  if (of.error !== null) return <Badge tone="bad">failed</Badge>;
  if (!isCompared(of)) {
    return (
      <div className="stack-tight" role="status">
        <span className="soft">
          {of.progress.compared} of {of.progress.days} days
        </span>
        <Meter used={of.progress.compared} of={of.progress.days} label="Compared" />
      </div>
    );
  }
  if (of.paid_at) return <Badge tone="good">paid</Badge>;
  if (of.alerts > 0) return <Badge tone="warn">{of.alerts === 1 ? "1 alert" : `${of.alerts} alerts`}</Badge>;
  return <Badge tone="good">agrees</Badge>;
}

/** Which way a difference goes matters: billed beyond what we reckoned is a loss. */
export function BillDifference({ amount }: { amount: string | null }) {
  const nano = amount === null ? null : nanoOf(amount);
  if (nano === null) return <>–</>;
  return <span className={nano > 0n ? "bad-text" : undefined}>{exactUsd(amount)}</span>;
}

const COLUMNS: Column<Bill>[] = [
  {
    id: "provider",
    head: "Bill",
    width: "minmax(190px, 2fr)",
    value: (one) => one.provider,
    cell: (one) => (
      <div className="stack-tight">
        <Link className="cut" to="/operator/bills/$id" params={{ id: one.bill_id }}>
          {one.provider}
        </Link>
        <span className="soft cut">{one.file_name || one.format}</span>
      </div>
    ),
  },
  {
    id: "days",
    head: "Days",
    width: "minmax(190px, 1fr)",
    value: (one) => one.first_day,
    cell: (one) =>
      one.first_day === one.last_day ? date(one.first_day) : `${date(one.first_day)} – ${date(one.last_day)}`,
  },
  { id: "state", head: "State", width: "120px", cell: (one) => <BillState of={one} /> },
  {
    id: "theirs",
    head: "Billed",
    width: "130px",
    align: "right",
    value: (one) => Number(one.amount),
    cell: (one) => exactUsd(one.amount),
  },
  {
    id: "ours",
    head: "Reckoned",
    width: "130px",
    align: "right",
    value: (one) => (one.ours === null ? null : Number(one.ours)),
    cell: (one) => exactUsd(one.ours),
  },
  {
    id: "difference",
    head: "Difference",
    width: "130px",
    align: "right",
    value: (one) => (one.difference === null ? null : Number(one.difference)),
    cell: (one) => <BillDifference amount={one.difference} />,
  },
  {
    id: "imported",
    head: "Imported",
    width: "130px",
    value: (one) => one.imported_at,
    cell: (one) => <span title={one.imported_by}>{ago(one.imported_at)}</span>,
  },
];

function lastMonth(now: Date): { first: string; last: string } {
  const day = (moment: Date) => moment.toISOString().slice(0, 10);
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
  return {
    first: day(new Date(Date.UTC(year, month - 1, 1))),
    last: day(new Date(Date.UTC(year, month, 0))),
  };
}

function ImportDialog({ onClose }: { onClose: () => void }) {
  const router = useRouter();
  const once = useOnce();
  const [file, setFile] = useState<File | null>(null);
  const { form, field } = useForm({
    provider: "",
    format: "generic",
    ...lastMonth(new Date()),
    columns: "",
    models: "",
  });
  async function submit(): Promise<Bill> {
    if (file === null) throw new Error("Choose the provider's file.");
    return importBill(form, file, once([form, file.name, file.size, file.lastModified]));
  }
  return (
    <FormDialog
      title="Import a provider's bill"
      action="Import"
      onClose={onClose}
      changes={[["operator", "bills"]]}
      onSubmit={submit}
      onDone={(bill) => void router.navigate({ to: "/operator/bills/$id", params: { id: bill.bill_id } })}
    >
      <TextField
        label="CSV file"
        type="file"
        accept=".csv,text/csv"
        required
        onChange={(event) => setFile(event.target.files?.[0] ?? null)}
      />
      <div className="input-row">
        <TextField label="Provider" hint="Its slug, such as openai." required {...field("provider")} />
        <SelectField label="Format" options={FORMATS} {...field("format")} />
      </div>
      <div className="input-row">
        <TextField label="First day (UTC)" type="date" required max={form.last} {...field("first")} />
        <TextField label="Last day (UTC)" type="date" required min={form.first} {...field("last")} />
      </div>
      <details>
        <summary>Where the file is different</summary>
        <div className="form">
          <TextArea
            label="Columns"
            hint="“cost = total_usd”: ours of day, request_id, model, input, output, cost, then the file's; one a line."
            isCode
            rows={2}
            {...field("columns")}
          />
          <TextArea
            label="Models"
            hint="“their-name = author/name”, one a line, where names do not lead to ours."
            isCode
            rows={2}
            {...field("models")}
          />
        </div>
      </details>
    </FormDialog>
  );
}

export function BillsPage() {
  const { provider } = route.useSearch();
  const navigate = route.useNavigate();
  const list = useInfiniteQuery(billsQuery(provider));
  const [isAsked, ask] = useState(false);
  const rows = rowsOf(list.data);
  return (
    <Page
      title="Providers' bills"
      about="What providers bill, beside what we reckon that we owe them. The same file again is the same bill."
      actions={
        <Button kind="primary" onClick={() => ask(true)}>
          Import a bill
        </Button>
      }
    >
      <div className="bar">
        <SearchBox
          className="input"
          aria-label="Only of the provider"
          placeholder="Any provider"
          value={provider ?? ""}
          onSearch={(text) =>
            void navigate({ search: { provider: text.trim() || undefined }, replace: true })
          }
        />
        <span className="soft">{rows?.length ? `${count(rows.length)} shown` : ""}</span>
      </div>
      <PagedTable
        list={list}
        label="Bills"
        columns={COLUMNS}
        rowKey={(one) => one.bill_id}
        rowHeight={60}
        empty={
          <Empty
            title={provider ? `No bill of ${provider}` : "No bill was imported yet"}
            action={<Button onClick={() => ask(true)}>Import a bill</Button>}
          >
            Export the costs of a month at the provider, and import the CSV file here.
          </Empty>
        }
      />
      {isAsked ? <ImportDialog onClose={() => ask(false)} /> : null}
    </Page>
  );
}
