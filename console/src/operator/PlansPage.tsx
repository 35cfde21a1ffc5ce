import { useQuery } from "@tanstack/react-query";
import { Link, useRouter } from "@tanstack/react-router";
import { useState } from "react";

import { exactUsd } from "~/format/money";
import { count } from "~/format/number";
import { date } from "~/format/time";
import { Button } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { TextField } from "~/ui/Field";
import { Badge } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { ListTable } from "~/ui/PagedTable";
import type { Column } from "~/ui/Table";

import { type Plan, basisPoints, plansQuery } from "./plans";

const COLUMNS: Column<Plan>[] = [
  {
    id: "name",
    head: "Plan",
    width: "minmax(180px, 2fr)",
    value: (one) => one.name,
    cell: (one) => (
      <Link className="cut" to="/operator/plans/$name" params={{ name: one.name }}>
        {one.name}
      </Link>
    ),
  },
  {
    id: "tenants",
    head: "Tenants",
    width: "100px",
    align: "right",
    value: (one) => one.tenants,
    cell: (one) => count(one.tenants),
  },
  {
    id: "markup",
    head: "Markup",
    width: "110px",
    align: "right",
    value: (one) => one.markup_basis_points,
    cell: (one) => basisPoints(one.markup_basis_points),
  },
  {
    id: "overrides",
    head: "Overrides",
    width: "110px",
    align: "right",
    value: (one) => one.markup_overrides.length,
    cell: (one) => count(one.markup_overrides.length),
  },
  {
    id: "fee",
    head: "Fee on credit",
    width: "130px",
    align: "right",
    value: (one) => one.purchase_fee.basis_points,
    cell: (one) => basisPoints(one.purchase_fee.basis_points),
  },
  {
    id: "payment",
    head: "Pays",
    width: "210px",
    value: (one) => one.payment,
    cell: (one) =>
      one.payment === "postpaid" ? (
        <Badge tone="accent">postpaid, up to {exactUsd(one.credit_limit)}</Badge>
      ) : (
        <Badge>prepaid</Badge>
      ),
  },
  {
    id: "version",
    head: "Version",
    width: "minmax(190px, 1fr)",
    value: (one) => one.created_at,
    cell: (one) => (
      <span className="cut">
        {one.version} <span className="soft">of {date(one.created_at)}</span>
      </span>
    ),
  },
];

function NewPlanDialog({ onClose }: { onClose: () => void }) {
  const router = useRouter();
  const [name, setName] = useState("");
  async function submit(): Promise<void> {
    await router.navigate({ to: "/operator/plans/$name", params: { name: name.trim() } });
  }
  return (
    <FormDialog title="New plan" action="Say its terms" onClose={onClose} onSubmit={submit}>
      <TextField
        label="Name"
        hint="Small letters, figures and hyphens. It cannot be changed later."
        required
        autoFocus
        maxLength={64}
        pattern="[a-z0-9][a-z0-9_\-]*"
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
    </FormDialog>
  );
}

export function PlansPage() {
  const list = useQuery(plansQuery);
  const [isAsked, ask] = useState(false);
  return (
    <Page
      title="Plans"
      about="What tenants pay on top of providers' prices. The newest version of a plan is in force; no version ever changes."
      actions={
        <Button kind="primary" onClick={() => ask(true)}>
          New plan
        </Button>
      }
    >
      <ListTable
        label="Plans"
        list={list}
        columns={COLUMNS}
        rowKey={(one) => one.name}
        isWhole={(list.data?.length ?? 0) <= 20}
        empty={<p className="soft">There is none yet.</p>}
      />
      {isAsked ? <NewPlanDialog onClose={() => ask(false)} /> : null}
    </Page>
  );
}
