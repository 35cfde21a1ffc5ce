import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import { admin, answer } from "~/api/client";
import { exactUsd, nanoOf } from "~/format/money";
import { dateTime } from "~/format/time";
import { Button } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { SelectField, TextField } from "~/ui/Field";
import { ErrorNote, Loading } from "~/ui/Note";
import { Card, Facts, Page, Stats } from "~/ui/Page";
import { say } from "~/ui/toast";

import { basisPoints, plansQuery } from "./plans";
import { tenantsQuery } from "./tenants";

const route = getRouteApi("/inside/operator/tenants/$id");

function GrantDialog({ tenant, onClose }: { tenant: string; onClose: () => void }) {
  const queries = useQueryClient();
  const [form, setForm] = useState({ amount: "", kind: "promotion", reason: "" });
  // The same grant twice, by a slip or a lost answer, moves money once.
  const [once] = useState(() => crypto.randomUUID());
  async function submit(): Promise<void> {
    const amount = nanoOf(form.amount);
    if (amount === null || amount <= 0n) throw new Error("An amount in USD, such as 100.");
    const body = {
      amount: form.amount.trim(),
      kind: form.kind as "promotion" | "purchase",
      reason: form.reason,
    };
    await answer(
      admin.POST("/tenants/{tenant}/credits", {
        params: { path: { tenant }, header: { "Idempotency-Key": once } },
        body,
      }),
    );
    await queries.invalidateQueries({ queryKey: ["operator", "tenant", tenant] });
    say(`${exactUsd(form.amount)} granted.`);
  }
  return (
    <FormDialog open title="Grant credit" action="Grant" onClose={onClose} onSubmit={submit}>
      <TextField
        label="Amount (USD)"
        inputMode="decimal"
        required
        autoFocus
        value={form.amount}
        onChange={(event) => setForm({ ...form, amount: event.target.value })}
      />
      <SelectField
        label="As"
        options={[
          { value: "promotion", label: "a gift" },
          { value: "purchase", label: "a purchase that was paid elsewhere" },
        ]}
        value={form.kind}
        onChange={(event) => setForm({ ...form, kind: event.target.value })}
      />
      <TextField
        label="Reason"
        required
        value={form.reason}
        onChange={(event) => setForm({ ...form, reason: event.target.value })}
      />
    </FormDialog>
  );
}

function MoveDialog({ tenant, plan, onClose }: { tenant: string; plan: string; onClose: () => void }) {
  const queries = useQueryClient();
  const { data: plans } = useQuery(plansQuery);
  const [name, setName] = useState(plan);
  async function submit(): Promise<void> {
    await answer(admin.PUT("/tenants/{tenant}/plan", { params: { path: { tenant } }, body: { plan: name } }));
    await queries.invalidateQueries({ queryKey: ["operator", "tenant", tenant] });
  }
  return (
    <FormDialog open title="Another plan" action="Move the tenant" onClose={onClose} onSubmit={submit}>
      <SelectField
        label="Plan"
        options={(plans ?? []).map((one) => ({ value: one.name, label: one.name }))}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <p className="soft">Requests that are admitted from now on are charged by it.</p>
    </FormDialog>
  );
}

export function TenantPage() {
  const { id: tenant } = route.useParams();
  const path = { tenant };
  const key = ["operator", "tenant", tenant];
  const [asked, ask] = useState<"grant" | "move" | null>(null);
  const { data: tenants } = useQuery(tenantsQuery);
  const balance = useQuery({
    queryKey: [...key, "balance"],
    queryFn: () => answer(admin.GET("/tenants/{tenant}/balance", { params: { path } })),
  });
  const plan = useQuery({
    queryKey: [...key, "plan"],
    queryFn: () => answer(admin.GET("/tenants/{tenant}/plan", { params: { path } })),
  });
  const payments = useQuery({
    queryKey: [...key, "payments"],
    queryFn: () =>
      answer(admin.GET("/tenants/{tenant}/payments", { params: { path, query: { limit: 20 } } })),
  });
  const known = tenants?.find((one) => one.id === tenant);
  const error = balance.error ?? plan.error ?? payments.error;
  return (
    <Page
      title={known?.name ?? "Tenant"}
      about={<span className="mono">{tenant}</span>}
      actions={
        <>
          <Button onClick={() => ask("move")} disabled={!plan.data}>
            Another plan
          </Button>
          <Button kind="primary" onClick={() => ask("grant")}>
            Grant credit
          </Button>
        </>
      }
    >
      {error ? <ErrorNote error={error} /> : null}
      <Stats
        figures={[
          { label: "Available", value: exactUsd(balance.data?.available) },
          { label: "Held for requests", value: exactUsd(balance.data?.held) },
          { label: "Credit line", value: exactUsd(balance.data?.credit_line) },
          { label: "Ever added", value: exactUsd(balance.data?.total_credits) },
          { label: "Ever used", value: exactUsd(balance.data?.total_usage) },
        ]}
      />
      <div className="columns">
        <Card title="Plan">
          {plan.data ? (
            <Facts
              facts={[
                ["Plan", plan.data.name],
                ["Markup", basisPoints(plan.data.markup_basis_points)],
                ["Overrides", String(plan.data.markup_overrides.length)],
                ["Fee on buying credit", basisPoints(plan.data.purchase_fee.basis_points)],
                ["Fee on own keys", basisPoints(plan.data.own_keys.fee_basis_points)],
                ["Pays", plan.data.payment],
                ["Version", `${plan.data.version}, by ${plan.data.actor}`],
              ]}
            />
          ) : (
            <Loading lines={4} />
          )}
        </Card>
        <Card title="Last payments">
          {payments.data ? (
            payments.data.data.length === 0 ? (
              <p className="soft">None.</p>
            ) : (
              <table className="plain-table">
                <tbody>
                  {payments.data.data.map((one) => (
                    <tr key={one.id}>
                      <td>{dateTime(one.created_at)}</td>
                      <td>{one.status}</td>
                      <td className="number">{exactUsd(one.total)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )
          ) : (
            <Loading lines={3} />
          )}
        </Card>
      </div>
      {asked === "grant" ? <GrantDialog tenant={tenant} onClose={() => ask(null)} /> : null}
      {asked === "move" && plan.data ? (
        <MoveDialog tenant={tenant} plan={plan.data.name} onClose={() => ask(null)} />
      ) : null}
    </Page>
  );
}
