import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";

import { exactUsd, nanoOf } from "~/format/money";
import { count, counted } from "~/format/number";
import { date, dateTime } from "~/format/time";
import { Ago } from "~/ui/Ago";
import { Button } from "~/ui/Button";
import { CopyButton } from "~/ui/Copy";
import { Badge, ErrorNote, Loading, Note } from "~/ui/Note";
import { Card, Facts, Page, Stats } from "~/ui/Page";
import { type Column, Table } from "~/ui/Table";

import "./operator.css";
import { CreditDialog, FinaliseDialog, PaymentDialog } from "./InvoiceDialogs";
import { StateBadge } from "./InvoicesPage";
import { TenantLink } from "./TenantLink";
import { type InvoiceLine, type WholeInvoice, creditable, fileOf, invoiceQuery } from "./invoices";

const route = getRouteApi("/inside/operator/invoices/$id");

const LINES: Column<InvoiceLine>[] = [
  {
    id: "what",
    head: "What",
    width: "minmax(220px, 3fr)",
    value: (one) => `${one.kind} ${one.model}`,
    cell: (one) => (
      <div className="stack-tight">
        <span>
          {one.model || one.kind} {one.late ? <Badge tone="warn">late</Badge> : null}
        </span>
        <span className="soft">
          {one.kind} {one.provider_name ? `at ${one.provider_name}` : ""}
        </span>
      </div>
    ),
  },
  {
    id: "requests",
    head: "Requests",
    width: "100px",
    align: "right",
    value: (one) => one.requests,
    cell: (one) => count(one.requests),
  },
  {
    id: "units",
    head: "Units",
    width: "minmax(150px, 2fr)",
    cell: (one) => (
      <span className="soft details">
        {Object.entries(one.units ?? {})
          .map(([unit, units]) => `${count(units)} ${unit.replaceAll("_", " ")}`)
          .join(", ")}
      </span>
    ),
  },
  ...(["provider_cost", "markup", "waived", "amount"] as const).map((member): Column<InvoiceLine> => ({
    id: member,
    head: { provider_cost: "Provider cost", markup: "Markup", waived: "Not charged", amount: "Amount" }[
      member
    ],
    width: "130px",
    align: "right",
    value: (one) => Number(one[member]),
    cell: (one) => exactUsd(one[member]),
  })),
];

function Money({ of }: { of: WholeInvoice }) {
  return (
    <Card title={of.number ? "From charges to the total" : "So far"}>
      <Facts
        facts={[
          ["Charges", exactUsd(of.charges)],
          ["Covered by credit", exactUsd(of.covered_by_credit)],
          ["Rounding", exactUsd(of.rounding)],
          ["Subtotal", exactUsd(of.net)],
          ["Tax", exactUsd(of.tax)],
          ["Total", <strong key="total">{exactUsd(of.total)}</strong>],
          ["Paid", exactUsd(of.paid)],
          ["Credited", exactUsd(of.credited)],
        ]}
      />
    </Card>
  );
}

function Account({ of }: { of: WholeInvoice }) {
  return (
    <Card title="The tenant's credit in this period">
      <table className="plain-table">
        <tbody>
          <tr>
            <td>Opening balance</td>
            <td />
            <td className="number">{exactUsd(of.account.opening)}</td>
          </tr>
          {of.account.movements.map((one) => (
            <tr key={one.kind}>
              <td>{one.kind.replaceAll("_", " ")}</td>
              <td className="soft number">{counted(one.transfers, "transfer")}</td>
              <td className="number">{exactUsd(one.amount)}</td>
            </tr>
          ))}
          <tr>
            <td>
              <strong>Closing balance</strong>
            </td>
            <td />
            <td className="number">
              <strong>{exactUsd(of.account.closing)}</strong>
            </td>
          </tr>
        </tbody>
      </table>
    </Card>
  );
}

function Happened({ of }: { of: WholeInvoice }) {
  const rows: [string, string, ReactNode, string][] = [
    ...of.payments.map((one): [string, string, ReactNode, string] => [
      one.id,
      date(one.received_on),
      <>
        paid <span className="soft">{one.reference}</span>
      </>,
      one.amount,
    ]),
    ...of.credit_notes.map((one): [string, string, ReactNode, string] => [
      one.id,
      date(one.issued_at),
      <>
        <a
          href={`/admin/v1/tenants/${of.tenant_id}/invoices/${encodeURIComponent(one.number)}.pdf`}
          target="_blank"
          rel="noreferrer"
        >
          {one.number}
        </a>{" "}
        <span className="soft">{one.reason}</span>
      </>,
      one.amount,
    ]),
  ];
  if (rows.length === 0) return null;
  return (
    <Card title="Payments and credit notes">
      <table className="plain-table">
        <tbody>
          {rows.map(([id, day, what, amount]) => (
            <tr key={id}>
              <td>{day}</td>
              <td>{what}</td>
              <td className="number">{exactUsd(amount)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

type Asked = "finalise" | "credit" | "void" | "pay";

function Actions({ of, onAsk }: { of: WholeInvoice; onAsk: (asked: Asked) => void }) {
  const isIssued = of.number !== null;
  const canCredit = isIssued && creditable(of) > 0n;
  const isDue = of.left !== null && (nanoOf(of.left) ?? 0n) > 0n;
  return (
    <>
      <a className="button" href={fileOf(of.id, "html")} target="_blank" rel="noreferrer">
        HTML
      </a>
      <a className="button" href={fileOf(of.id, "pdf")} download={`${of.number ?? "draft"}.pdf`}>
        PDF
      </a>
      {canCredit ? (
        <>
          <Button onClick={() => onAsk("credit")}>Credit note</Button>
          <Button kind="danger" onClick={() => onAsk("void")}>
            Void
          </Button>
        </>
      ) : null}
      {isDue ? (
        <Button kind="primary" onClick={() => onAsk("pay")}>
          Record a payment
        </Button>
      ) : null}
      {isIssued ? null : (
        <Button kind="primary" onClick={() => onAsk("finalise")}>
          Issue now
        </Button>
      )}
    </>
  );
}

function Dialogs({ of, asked, onClose }: { of: WholeInvoice; asked: Asked | null; onClose: () => void }) {
  if (asked === "finalise") return <FinaliseDialog of={of} onClose={onClose} />;
  if (asked === "pay") return <PaymentDialog of={of} onClose={onClose} />;
  if (asked === null) return null;
  return <CreditDialog of={of} isVoiding={asked === "void"} onClose={onClose} />;
}

export function InvoicePage() {
  const { id } = route.useParams();
  const { data, error, refetch } = useQuery(invoiceQuery(id));
  const [asked, ask] = useState<Asked | null>(null);
  const draft = data?.payment === "prepaid" ? "Draft statement" : "Draft invoice";
  return (
    <Page
      title={data ? (data.number ?? draft) : "Invoice"}
      about={
        data ? (
          <>
            <TenantLink id={data.tenant_id} /> ·{" "}
            <Link to="/operator/invoices" search={{ period: data.period_id }}>
              period {data.period_id}
            </Link>
          </>
        ) : null
      }
      actions={data ? <Actions of={data} onAsk={ask} /> : null}
    >
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {data ? (
        <>
          {data.freeze ? (
            <Note tone="bad">
              Invoicing of this tenant is frozen since {dateTime(data.freeze.frozen_at)}: {data.freeze.reason}
            </Note>
          ) : null}
          <Stats
            figures={[
              { label: "State", value: <StateBadge of={data} /> },
              { label: "Total", value: exactUsd(data.total) },
              {
                label: "Left to pay",
                value: data.left === null ? "–" : exactUsd(data.left),
                note: data.due_on ? `due ${date(data.due_on)}` : null,
              },
              { label: "Charges", value: exactUsd(data.charges) },
              data.finalised_at
                ? { label: "Issued", value: date(data.finalised_at) }
                : {
                    label: "Issued by itself",
                    value: <Ago of={data.finalise_after} />,
                    note: date(data.finalise_after),
                  },
            ]}
          />
          <Table
            label="Lines"
            rows={data.lines}
            columns={LINES}
            rowKey={(one) => `${one.kind} ${one.model} ${one.provider} ${one.late}`}
            rowHeight={60}
            isWhole={data.lines.length <= 20}
            empty={<p className="soft">Nothing was used in this period.</p>}
          />
          <div className="columns">
            <Money of={data} />
            <Account of={data} />
            <Happened of={data} />
          </div>
          {data.sha256 ? (
            <div className="bar">
              <span className="soft">SHA-256 of its JSON</span>
              <span className="mono whole">{data.sha256}</span>
              <CopyButton text={data.sha256} />
              <a href={fileOf(data.id, "json")} download={`${data.number}.json`}>
                JSON
              </a>
            </div>
          ) : null}
          <Dialogs of={data} asked={asked} onClose={() => ask(null)} />
        </>
      ) : error ? null : (
        <Loading />
      )}
    </Page>
  );
}
