import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { type Schemas, answer, api } from "~/api/client";
import { messageOf } from "~/api/errors";
import { pagedQuery } from "~/api/paged";
import { typedUsd, usd } from "~/format/money";
import { ago, dateTime } from "~/format/time";
import { useMay } from "~/session/session";
import { Button } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { CheckField, TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { Badge, Empty, ErrorNote, Loading, Note } from "~/ui/Note";
import { Card, Page, Stats } from "~/ui/Page";
import { PagedTable } from "~/ui/PagedTable";
import { ACTIONS, type Column } from "~/ui/Table";
import { say } from "~/ui/toast";

type Payment = Schemas["Payment"];
type AutoTopUp = Schemas["AutoTopUp"];

const AMOUNTS = [10, 25, 100, 500];
const TONES = { succeeded: "good", failed: "bad", disputed: "bad", pending: "warn" } as const;

function amountOf(text: string): number {
  const amount = typedUsd(text);
  if (amount === null || amount === 0) throw new Error("An amount in USD, such as 25.");
  return amount;
}

function TopUp() {
  const [amount, setAmount] = useState("25");
  const [isSaved, setSaved] = useState(false);
  const buy = useMutation({
    mutationFn: async () => {
      const body = { amount: amountOf(amount), save_card: isSaved, return_url: window.location.href };
      const { data } = await answer(api.POST("/credits/checkout", { body }));
      if (!data.url) throw new Error("The payment has no page to pay at.");
      window.location.assign(data.url);
    },
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    buy.mutate();
  }
  return (
    <Card title="Buy credit">
      <form className="form" onSubmit={submit}>
        <div className="bar" role="group" aria-label="Usual amounts">
          {AMOUNTS.map((one) => (
            <Button
              key={one}
              size="small"
              aria-pressed={amount === String(one)}
              onClick={() => setAmount(String(one))}
            >
              ${one}
            </Button>
          ))}
        </div>
        <TextField
          label="Amount (USD)"
          hint="A fee for buying and tax are shown before you pay."
          inputMode="decimal"
          required
          value={amount}
          onChange={(event) => setAmount(event.target.value)}
        />
        <CheckField
          label="Keep the card"
          hint="so that credit can be bought by itself"
          checked={isSaved}
          onChange={(event) => setSaved(event.target.checked)}
        />
        {buy.error ? <Note tone="bad">{messageOf(buy.error)}</Note> : null}
        <div className="form-actions">
          <Button kind="primary" type="submit" busy={buy.isPending}>
            Go and pay
          </Button>
        </div>
      </form>
    </Card>
  );
}

function AutoForm({ first, mayWrite }: { first: AutoTopUp; mayWrite: boolean }) {
  const queries = useQueryClient();
  const { form, field, check } = useForm({
    isOn: first.enabled,
    threshold: String(first.threshold),
    amount: String(first.amount),
  });
  const save = useMutation({
    mutationFn: () =>
      answer(
        api.PUT("/credits/auto-topup", {
          body: form.isOn
            ? { enabled: true, threshold: amountOf(form.threshold), amount: amountOf(form.amount) }
            : { enabled: false },
        }),
      ),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["auto-topup"] });
      say("Saved.");
    },
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    save.mutate();
  }
  return (
    <form className="form" onSubmit={submit}>
      <p className="soft">
        {first.card
          ? `Charges the ${first.card.brand} that ends in ${first.card.last4}.`
          : "Needs a card: buy credit once and keep the card."}
      </p>
      {first.flagged ? (
        <Note tone="bad">A payment is disputed: nothing is bought by itself until that is settled.</Note>
      ) : null}
      {first.last_failure ? (
        <Note tone="warn">
          The last try failed: {first.last_failure}{" "}
          {first.next_try_at ? `The next one is ${ago(first.next_try_at)}.` : ""}
        </Note>
      ) : null}
      <CheckField label="Buy credit by itself" disabled={!mayWrite} {...check("isOn")} />
      <div className="input-row">
        <TextField
          label="When less is left than (USD)"
          inputMode="decimal"
          required
          disabled={!form.isOn || !mayWrite}
          {...field("threshold")}
        />
        <TextField
          label="Buy (USD)"
          inputMode="decimal"
          required
          disabled={!form.isOn || !mayWrite}
          {...field("amount")}
        />
      </div>
      {save.error ? <Note tone="bad">{messageOf(save.error)}</Note> : null}
      {mayWrite ? (
        <div className="form-actions">
          <Button type="submit" busy={save.isPending}>
            Save
          </Button>
        </div>
      ) : null}
    </form>
  );
}

function Auto({ mayWrite }: { mayWrite: boolean }) {
  const { data, error, refetch } = useQuery({
    queryKey: ["auto-topup"],
    queryFn: async () => (await answer(api.GET("/credits/auto-topup"))).data,
  });
  return (
    <Card title="Automatic purchases">
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {data ? (
        <AutoForm key={JSON.stringify(data)} first={data} mayWrite={mayWrite} />
      ) : error ? null : (
        <Loading lines={3} />
      )}
    </Card>
  );
}

function RefundDialog({ of, onClose }: { of: Payment; onClose: () => void }) {
  const queries = useQueryClient();
  const [reason, setReason] = useState("");
  async function submit(): Promise<void> {
    await answer(
      api.POST("/credits/payments/{id}/refund", { params: { path: { id: of.id } }, body: { reason } }),
    );
    await Promise.all([
      queries.invalidateQueries({ queryKey: ["payments"] }),
      queries.invalidateQueries({ queryKey: ["credits"] }),
    ]);
  }
  return (
    <FormDialog
      title={`Refund ${usd(of.amount)}?`}
      kind="danger"
      action="Refund what is left of it"
      onClose={onClose}
      onSubmit={submit}
    >
      <p>Within 24 hours of paying. What was spent of it and the fee do not come back.</p>
      <TextField label="Reason" value={reason} onChange={(event) => setReason(event.target.value)} />
    </FormDialog>
  );
}

function columns(mayWrite: boolean, onRefund: (payment: Payment) => void): Column<Payment>[] {
  return [
    { id: "at", head: "When", width: "210px", cell: (one) => dateTime(one.created_at) },
    {
      id: "status",
      head: "State",
      width: "minmax(130px, 1fr)",
      cell: (one) => (
        <div className="stack-tight">
          <span>
            <Badge tone={TONES[one.status as keyof typeof TONES]}>{one.status}</Badge>
          </span>
          {one.failure ? <span className="soft details">{one.failure}</span> : null}
        </div>
      ),
    },
    { id: "kind", head: "Kind", width: "minmax(110px, 1fr)", cell: (one) => one.kind },
    { id: "amount", head: "Credit", width: "110px", align: "right", cell: (one) => usd(one.amount) },
    { id: "fee", head: "Fee", width: "90px", align: "right", cell: (one) => usd(one.fee) },
    { id: "tax", head: "Tax", width: "90px", align: "right", cell: (one) => usd(one.tax) },
    { id: "total", head: "Paid", width: "110px", align: "right", cell: (one) => usd(one.total) },
    {
      id: "do",
      head: ACTIONS,
      width: "130px",
      cell: (one) => {
        if (one.status === "pending" && one.url) return <a href={one.url}>Pay</a>;
        if (one.status !== "succeeded" || !mayWrite) return null;
        return (
          <Button
            size="small"
            kind="quiet"
            aria-label={`Refund ${usd(one.total)} of ${dateTime(one.created_at)}`}
            onClick={() => onRefund(one)}
          >
            Refund…
          </Button>
        );
      },
    },
  ];
}

const paymentsQuery = pagedQuery(["payments"], (query) =>
  answer(api.GET("/credits/payments", { params: { query } })),
);

function Payments({ mayWrite }: { mayWrite: boolean }) {
  const [asked, ask] = useState<Payment | null>(null);
  const list = useInfiniteQuery(paymentsQuery);
  return (
    <>
      <h2>Payments</h2>
      <PagedTable
        list={list}
        label="Payments"
        columns={columns(mayWrite, ask)}
        rowKey={(one) => one.id}
        empty={
          <Empty title="Nothing was paid yet">
            What operators granted is in the credit, but is no payment.
          </Empty>
        }
      />
      {asked ? <RefundDialog of={asked} onClose={() => ask(null)} /> : null}
    </>
  );
}

export function CreditsPage() {
  const may = useMay();
  const mayWrite = may("payments.write");
  const { data, error, refetch } = useQuery({
    queryKey: ["credits"],
    queryFn: async () => (await answer(api.GET("/credits"))).data,
  });
  return (
    <Page
      title="Credits"
      about="What there is to spend. Requests reserve from it before anything is sent, so that it is never overdrawn."
    >
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      <Stats
        figures={[
          { label: "Left", value: usd(data ? data.total_credits - data.total_usage : null) },
          { label: "Ever added", value: usd(data?.total_credits) },
          { label: "Ever used", value: usd(data?.total_usage) },
        ]}
      />
      {may("payments.read") ? (
        <>
          <div className="columns">
            {mayWrite ? <TopUp /> : null}
            <Auto mayWrite={mayWrite} />
          </div>
          <Payments mayWrite={mayWrite} />
        </>
      ) : null}
    </Page>
  );
}
