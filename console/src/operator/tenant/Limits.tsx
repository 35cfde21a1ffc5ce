import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { admin, answer } from "~/api/client";
import { messageOf } from "~/api/errors";
import { exactUsd } from "~/format/money";
import { Ago } from "~/ui/Ago";
import { Button } from "~/ui/Button";
import { TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { RowMenu } from "~/ui/Menu";
import { Empty, ErrorNote, Loading, Note } from "~/ui/Note";
import { Card, Meter } from "~/ui/Page";
import { PagedTable } from "~/ui/PagedTable";
import { ACTIONS, type Column } from "~/ui/Table";
import { complain, say } from "~/ui/toast";

import { BudgetDialog } from "./BudgetDialog";
import { type Budget, type Limits, budgetsQuery, keyOf, limitsQuery } from "./tenant";

const NAMES = ["rate_limit_rpm", "rate_limit_tpm", "max_concurrent"] as const;
const LABELS: Record<(typeof NAMES)[number], string> = {
  rate_limit_rpm: "Requests a minute",
  rate_limit_tpm: "Tokens a minute",
  max_concurrent: "Requests at once",
};

function LimitsForm({ tenant, of }: { tenant: string; of: Limits }) {
  const queries = useQueryClient();
  const { form, field } = useForm(() =>
    Object.fromEntries(NAMES.map((name) => [name, of[name] == null ? "" : String(of[name])])),
  );
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      if (NAMES.some((name) => !/^\d{0,9}$/.test(form[name]?.trim() ?? "")))
        throw new Error("Whole numbers, or nothing for the default.");
      const body = Object.fromEntries(
        NAMES.map((name) => [name, form[name]?.trim() ? Number(form[name]) : null]),
      );
      await answer(admin.PUT("/tenants/{tenant}/limits", { params: { path: { tenant } }, body }));
      await queries.invalidateQueries({ queryKey: keyOf(tenant, "limits") });
      say("The limits are in force.");
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <form className="form" onSubmit={(event) => void submit(event)}>
      <p className="soft">Of all of its keys together. Empty: the platform&apos;s default.</p>
      <div className="input-row">
        {NAMES.map((name) => (
          <TextField
            key={name}
            label={LABELS[name]}
            placeholder="default"
            inputMode="numeric"
            {...field(name)}
          />
        ))}
      </div>
      {failure === null ? null : <Note tone="bad">{failure}</Note>}
      <div className="form-actions">
        <Button kind="primary" type="submit" busy={isBusy}>
          Save
        </Button>
      </div>
    </form>
  );
}

const columnsOf = (
  onChange: (budget: Budget) => void,
  onRemove: (budget: Budget) => void,
): Column<Budget>[] => [
  {
    id: "of",
    head: "Of",
    width: "minmax(240px, 2fr)",
    value: (one) => one.subject_kind,
    cell: (one) => (
      <div className="stack-tight">
        <span>
          {one.subject_kind}
          {one.holder ? <span className="soft"> for each {one.holder.kind}</span> : null}
        </span>
        <span className="soft mono">{one.subject_id}</span>
      </div>
    ),
  },
  { id: "interval", head: "Each", width: "100px", value: (one) => one.interval, cell: (one) => one.interval },
  {
    id: "spent",
    head: "Spent",
    width: "minmax(200px, 1fr)",
    value: (one) => Number(one.spent) / Math.max(Number(one.limit), 1e-9),
    cell: (one) => (
      <div className="stack-tight">
        <span>
          {exactUsd(one.spent)} <span className="soft">of {exactUsd(one.limit)}</span>
        </span>
        <Meter used={Number(one.spent)} of={Number(one.limit)} label="Budget" />
      </div>
    ),
  },
  {
    id: "ends",
    head: "Begins anew",
    width: "130px",
    value: (one) => one.window_ends_at,
    cell: (one) => (one.window_ends_at ? <Ago of={one.window_ends_at} /> : "never"),
  },
  {
    id: "own",
    head: "Own keys",
    width: "135px",
    cell: (one) => (one.counts_own_keys ? "count" : <span className="soft">do not count</span>),
  },
  {
    id: "menu",
    head: ACTIONS,
    width: "60px",
    align: "right",
    cell: (one) =>
      // A guardrail's budget for somebody is the guardrail's to change.
      one.holder ? null : (
        <RowMenu
          label={`What to do with the ${one.interval} budget`}
          actions={[
            { label: "Change…", onSelect: () => onChange(one) },
            { label: "Take away", tone: "bad", onSelect: () => onRemove(one) },
          ]}
        />
      ),
  },
];

function Budgets({ tenant }: { tenant: string }) {
  const queries = useQueryClient();
  const list = useInfiniteQuery(budgetsQuery(tenant));
  const [asked, ask] = useState<Budget | "new" | null>(null);

  async function remove({ subject_kind, subject_id, interval }: Budget): Promise<void> {
    try {
      const query = { subject_kind, subject_id, interval } as {
        subject_kind: "workspace";
        subject_id: string;
        interval: "monthly";
      };
      await answer(admin.DELETE("/tenants/{tenant}/budgets", { params: { path: { tenant }, query } }));
      say("The budget is taken away.");
    } catch (error) {
      complain(error);
    }
    await queries.invalidateQueries({ queryKey: keyOf(tenant, "budgets") });
  }

  return (
    <section className="stack">
      <header className="page-head">
        <h2>Budgets</h2>
        <Button size="small" onClick={() => ask("new")}>
          New budget
        </Button>
      </header>
      <PagedTable
        list={list}
        label="Budgets"
        more="Show more"
        columns={columnsOf(ask, (one) => void remove(one))}
        rowKey={(one) => one.id}
        rowHeight={60}
        wholeUpTo={12}
        empty={<Empty title="No budgets">They limit what workspaces, members and guardrails spend.</Empty>}
      />
      {asked ? (
        <BudgetDialog tenant={tenant} of={asked === "new" ? null : asked} onClose={() => ask(null)} />
      ) : null}
    </section>
  );
}

export function LimitsPart({ tenant }: { tenant: string }) {
  const { data, error, refetch } = useQuery(limitsQuery(tenant));
  return (
    <>
      <Card title="Limits">
        {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
        {data ? <LimitsForm tenant={tenant} of={data} /> : error ? null : <Loading lines={3} />}
      </Card>
      <Budgets tenant={tenant} />
    </>
  );
}
