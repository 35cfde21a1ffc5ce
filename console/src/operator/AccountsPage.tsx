import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";

import { admin, answer, document } from "~/api/client";
import { useOnce } from "~/api/once";
import { exactUsd, nanoOf } from "~/format/money";
import { Button } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { Badge, Empty, ErrorNote, Loading } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { type Column, Table } from "~/ui/Table";
import { say } from "~/ui/toast";

/** An account of the platform; the API's description leaves it open. */
interface Account {
  /** Null for what all tenants' credit comes to. */
  account_id: string | null;
  code: string;
  normal: "debit" | "credit";
  balance: string;
  debited: string;
  credited: string;
}

interface Accounts {
  data: Account[];
  debited: string;
  credited: string;
}

const COLUMNS: Column<Account>[] = [
  {
    id: "code",
    head: "Account",
    width: "minmax(220px, 2fr)",
    value: (one) => one.code,
    cell: (one) =>
      one.account_id === null ? (
        <span>all tenants&apos; credit</span>
      ) : (
        <Link className="mono cut" to="/operator/ledger" search={{ account: one.code }}>
          {one.code}
        </Link>
      ),
  },
  {
    id: "normal",
    head: "Normal side",
    width: "120px",
    value: (one) => one.normal,
    cell: (one) => one.normal,
  },
  ...(["debited", "credited", "balance"] as const).map((member): Column<Account> => ({
    id: member,
    head: { debited: "Debited", credited: "Credited", balance: "Balance" }[member],
    width: "minmax(160px, 1fr)",
    align: "right",
    value: (one) => Number(one[member]),
    cell: (one) => exactUsd(one[member]),
  })),
];

function PayoutDialog({ clearing, onClose }: { clearing: string | undefined; onClose: () => void }) {
  const { form, field } = useForm({ amount: "", note: "" });
  const once = useOnce();
  async function submit(): Promise<void> {
    if ((nanoOf(form.amount) ?? 0n) <= 0n) throw new Error("An amount in USD above 0, such as 1200.");
    const body = { amount: form.amount.trim(), note: form.note.trim() };
    const booked = await answer(admin.POST("/ledger/payouts", { params: { header: once(body) }, body }));
    say(`Booked: ${exactUsd(booked.clearing)} is left in clearing.`);
  }
  return (
    <FormDialog
      title="Record a payout"
      action="Book the payout"
      onClose={onClose}
      changes={[
        ["operator", "accounts"],
        ["operator", "ledger"],
      ]}
      onSubmit={submit}
    >
      <p>
        Money of purchases that arrived: booked from cash_clearing to cash. {exactUsd(clearing)} is in
        clearing now. Payments by Stripe book theirs by themselves.
      </p>
      <TextField label="Amount (USD)" inputMode="decimal" required autoFocus {...field("amount")} />
      <TextField label="Note" hint="Such as what the bank's statement says." {...field("note")} />
    </FormDialog>
  );
}

export function AccountsPage() {
  const { data, error, refetch } = useQuery({
    queryKey: ["operator", "accounts"],
    queryFn: () => document<Accounts>(admin.GET("/ledger/accounts")),
  });
  const [isAsked, ask] = useState(false);
  const [isWhole, setWhole] = useState(false);
  const shown = useMemo(
    () => data?.data.filter((one) => isWhole || one.debited !== "0" || one.credited !== "0"),
    [data, isWhole],
  );
  return (
    <Page
      title="Platform accounts"
      about="What each account of the platform comes to. Tenants' credit is in accounts of their own, on their pages."
      actions={
        <Button kind="primary" disabled={!data} onClick={() => ask(true)}>
          Record a payout
        </Button>
      }
    >
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {shown ? (
        <>
          <div className="bar">
            <Button aria-pressed={isWhole} size="small" onClick={() => setWhole(!isWhole)}>
              Those without transfers, too
            </Button>
            {data && data.debited === data.credited ? (
              <Badge tone="good">the debits of all are the credits of all: {exactUsd(data.debited)}</Badge>
            ) : (
              <Badge tone="bad">debits and credits differ</Badge>
            )}
          </div>
          <Table
            label="Accounts"
            rows={shown}
            columns={COLUMNS}
            rowKey={(one) => one.code}
            empty={
              <Empty title="Nothing was booked yet">The first request that is charged books something.</Empty>
            }
          />
        </>
      ) : error ? null : (
        <Loading />
      )}
      {isAsked ? (
        <PayoutDialog
          clearing={data?.data.find((one) => one.code === "cash_clearing")?.balance}
          onClose={() => ask(false)}
        />
      ) : null}
    </Page>
  );
}
