import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { rowsOf } from "~/api/paged";
import { count } from "~/format/number";
import { dateTime } from "~/format/time";
import { Ago } from "~/ui/Ago";
import { Button } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { Badge, Empty, Note } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { PagedTable } from "~/ui/PagedTable";
import { ACTIONS, type Column } from "~/ui/Table";
import { say } from "~/ui/toast";

import "./operator.css";
import { type Period, closePeriod, isDrafting, periodsQuery } from "./invoices";

function State({ of }: { of: Period }) {
  if (of.state === "open") return <Badge tone="accent">open</Badge>;
  return isDrafting(of) ? <Badge tone="warn">drafting…</Badge> : <Badge tone="good">closed</Badge>;
}

function CloseDialog({ of, onClose }: { of: Period; onClose: () => void }) {
  async function submit(): Promise<void> {
    await closePeriod(of.id);
    say(`Period ${of.id} is closed. Its invoices are being drafted.`);
  }
  return (
    <FormDialog
      title={`Close period ${of.id}?`}
      kind="danger"
      action="Close the period"
      onClose={onClose}
      changes={[
        ["operator", "periods"],
        ["operator", "invoices"],
      ]}
      onSubmit={submit}
    >
      <p>It has been open since {dateTime(of.opened_at)}. Closing it</p>
      <ol className="steps">
        <li>waits for the transfers that are being written, a moment;</li>
        <li>
          opens the next period at once: what settles later falls into that one and is marked as late there;
        </li>
        <li>drafts an invoice or a statement for every tenant that has transfers in it;</li>
        <li>leaves the drafts in their grace, after which they are issued by themselves.</li>
      </ol>
      <Note tone="warn">
        This cannot be taken back. Requests go on all the while; periods also close by themselves when their
        month is over.
      </Note>
    </FormDialog>
  );
}

const columnsOf = (onClose: (period: Period) => void): Column<Period>[] => [
  {
    id: "period",
    head: "Period",
    width: "90px",
    cell: (one) => <span className="number">{one.id}</span>,
  },
  { id: "state", head: "State", width: "120px", cell: (one) => <State of={one} /> },
  {
    id: "opened",
    head: "Opened",
    width: "minmax(210px, 1fr)",
    cell: (one) => dateTime(one.opened_at),
  },
  {
    id: "closed",
    head: "Closed",
    width: "minmax(210px, 1fr)",
    cell: (one) => (one.closed_at ? dateTime(one.closed_at) : <span className="soft">not yet</span>),
  },
  {
    id: "drafted",
    head: "Drafted",
    width: "140px",
    cell: (one) => (one.drafted_at ? <Ago of={one.drafted_at} /> : <span className="soft">–</span>),
  },
  {
    id: "invoices",
    head: "Invoices",
    width: "160px",
    align: "right",
    cell: (one) =>
      one.state === "open" ? (
        <span className="soft">–</span>
      ) : (
        <>
          <Link to="/operator/invoices" search={{ period: one.id }}>
            {count(one.invoices)}
          </Link>
          {one.progress ? <span className="soft">, {count(one.progress.issued)} issued</span> : null}
          {one.progress && one.progress.frozen > 0 ? (
            <>
              {" "}
              <Badge tone="bad">{one.progress.frozen} frozen</Badge>
            </>
          ) : null}
        </>
      ),
  },
  {
    id: "actions",
    head: ACTIONS,
    width: "120px",
    align: "right",
    cell: (one) =>
      one.state === "open" ? (
        <Button size="small" onClick={() => onClose(one)}>
          Close…
        </Button>
      ) : null,
  },
];

export function PeriodsPage() {
  const list = useInfiniteQuery(periodsQuery);
  const [asked, ask] = useState<Period | null>(null);
  const rows = rowsOf(list.data);
  const drafting = rows?.filter(isDrafting) ?? [];
  return (
    <Page
      title="Periods"
      about="A transfer belongs to the period that is open when it is written, and to no other ever after. Months are those of UTC."
    >
      {drafting.map((one) => (
        <Note key={one.id}>
          <p role="status">
            Period {one.id} is being drafted: {count(one.invoices)} invoices so far. Closed{" "}
            <Ago of={one.closed_at} />; asked again every second.
          </p>
          <progress className="going-on" aria-label={`Drafting the invoices of period ${one.id}`} />
        </Note>
      ))}
      <PagedTable
        list={list}
        label="Periods"
        columns={columnsOf(ask)}
        rowKey={(one) => one.id}
        wholeUpTo={20}
        empty={<Empty title="No period yet">The first one opens with the database.</Empty>}
      />
      {asked ? <CloseDialog of={asked} onClose={() => ask(null)} /> : null}
    </Page>
  );
}
