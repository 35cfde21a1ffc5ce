import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";

import { admin, answer } from "~/api/client";
import { useOnce } from "~/api/once";
import { exactUsd, nanoOf, usdOfNano } from "~/format/money";
import { dateTime } from "~/format/time";
import { Button } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { Badge, Empty, type Tone } from "~/ui/Note";
import { PagedTable } from "~/ui/PagedTable";
import { ACTIONS, type Column } from "~/ui/Table";
import { say } from "~/ui/toast";

import { amountOf } from "../invoices";
import { type Payment, keyOf, paymentsQuery } from "./tenant";

const TONES: Record<string, Tone> = {
  succeeded: "good",
  pending: "warn",
  failed: "bad",
  disputed: "bad",
};

/** What of a payment's credit did not go back yet, in nano-USD. */
function refundable(payment: Pick<Payment, "amount" | "reversals" | "status">): bigint {
  if (payment.status === "pending" || payment.status === "failed") return 0n;
  const back = payment.reversals
    .filter((one) => one.status !== "failed" && one.status !== "undone")
    .reduce((sum, one) => sum + (nanoOf(one.amount) ?? 0n), 0n);
  const left = (nanoOf(payment.amount) ?? 0n) - back;
  return left > 0n ? left : 0n;
}

function RefundDialog({ tenant, of, onClose }: { tenant: string; of: Payment; onClose: () => void }) {
  const most = refundable(of);
  const { form, field } = useForm({ amount: amountOf(most), reason: "" });
  const once = useOnce();
  async function submit(): Promise<void> {
    const asked = nanoOf(form.amount);
    if (asked === null || asked <= 0n) throw new Error("An amount in USD, such as 12.50.");
    const body = { amount: form.amount.trim(), reason: form.reason.trim() };
    const params = { path: { id: of.id }, header: once(body) };
    await answer(admin.POST("/payments/{id}/refund", { params, body }));
    say(`${exactUsd(form.amount)} goes back.`);
  }
  return (
    <FormDialog
      title={`Refund of a payment of ${exactUsd(of.amount)}`}
      kind="danger"
      action="Refund"
      onClose={onClose}
      changes={[keyOf(tenant)]}
      onSubmit={submit}
    >
      <p>
        Only credit that is there and not held goes back, at most {usdOfNano(most)}. Fees and tax stay. The
        payer gets the money the way it was paid.
      </p>
      <TextField label="Amount (USD)" inputMode="decimal" required autoFocus {...field("amount")} />
      <TextField label="Reason" required {...field("reason")} />
    </FormDialog>
  );
}

const columnsOf = (onRefund: (payment: Payment) => void): Column<Payment>[] => [
  {
    id: "at",
    head: "Begun",
    width: "210px",
    value: (one) => one.created_at,
    cell: (one) => dateTime(one.created_at),
  },
  { id: "kind", head: "Kind", width: "100px", cell: (one) => one.kind.replaceAll("_", " ") },
  {
    id: "status",
    head: "Status",
    width: "minmax(150px, 1fr)",
    value: (one) => one.status,
    cell: (one) => (
      <span className="stack-tight">
        <span>
          <Badge tone={TONES[one.status]}>{one.status}</Badge>
        </span>
        {one.failure ? <span className="soft details">{one.failure}</span> : null}
        {one.reversals.map((back) => (
          <span className="soft details" key={back.id}>
            {back.kind} of {exactUsd(back.amount)}, {back.status}
            {back.reason ? `: ${back.reason}` : ""}
          </span>
        ))}
      </span>
    ),
  },
  ...(["amount", "fee", "tax", "total"] as const).map((member): Column<Payment> => ({
    id: member,
    head: { amount: "Credit", fee: "Fee", tax: "Tax", total: "Total" }[member],
    width: "110px",
    align: "right",
    value: (one) => Number(one[member]),
    cell: (one) => exactUsd(one[member]),
  })),
  {
    id: "processor",
    head: "At the processor",
    width: "minmax(130px, 1fr)",
    cell: (one) => <span className="mono soft details">{one.intent_id || one.session_id || "–"}</span>,
  },
  {
    id: "refund",
    head: ACTIONS,
    width: "95px",
    align: "right",
    cell: (one) =>
      refundable(one) > 0n ? (
        <Button
          size="small"
          aria-label={`Refund ${exactUsd(one.amount)} of ${dateTime(one.created_at)}`}
          onClick={() => onRefund(one)}
        >
          Refund
        </Button>
      ) : null,
  },
];

export function PaymentsPart({ tenant }: { tenant: string }) {
  const list = useInfiniteQuery(paymentsQuery(tenant));
  const [asked, ask] = useState<Payment | null>(null);
  return (
    <>
      <PagedTable
        list={list}
        label="Payments"
        columns={columnsOf(ask)}
        rowKey={(one) => one.id}
        empty={
          <Empty title="No payments yet">
            They come when the tenant buys credit. Credit that you grant is in the ledger.
          </Empty>
        }
      />
      {asked ? <RefundDialog tenant={tenant} of={asked} onClose={() => ask(null)} /> : null}
    </>
  );
}
