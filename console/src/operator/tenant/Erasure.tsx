import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { admin, answer } from "~/api/client";
import { useOnce } from "~/api/once";
import { count } from "~/format/number";
import { dateTime } from "~/format/time";
import { Button } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { TextField } from "~/ui/Field";
import { Badge, ErrorNote, Loading, Note } from "~/ui/Note";
import { Card, Facts } from "~/ui/Page";
import { type Column, Table } from "~/ui/Table";

import { tenantQuery, tenantsKey } from "../tenants";
import { type Erasure, erasureQuery, keyOf } from "./tenant";

const COLUMNS: Column<Erasure["tables"][number]>[] = [
  {
    id: "name",
    head: "What",
    width: "minmax(220px, 1fr)",
    value: (one) => one.name,
    cell: (one) => <span className="mono">{one.name}</span>,
  },
  { id: "fate", head: "Becomes", width: "140px", value: (one) => one.fate, cell: (one) => one.fate },
  {
    id: "because",
    head: "Because",
    width: "minmax(280px, 3fr)",
    cell: (one) => <span className="details">{one.because}</span>,
  },
];

function Progress({ of }: { of: Erasure }) {
  const isDone = of.state === "erased";
  return (
    <>
      <Card title={isDone ? "Erased" : "Being erased"}>
        <Facts
          facts={[
            [
              "State",
              <Badge key="state" tone={isDone ? "good" : "warn"}>
                {of.state}
              </Badge>,
            ],
            ["Asked for", `${dateTime(of.requested_at)}, by ${of.requested_by}`],
            ["Finished", of.finished_at ? dateTime(of.finished_at) : "not yet"],
            ["Requests not settled yet", count(of.unsettled)],
          ]}
        />
      </Card>
      <Table
        label="What became of what"
        rows={of.tables}
        columns={COLUMNS}
        rowKey={(one) => one.name}
        empty={<p className="soft">Nothing is said of single tables.</p>}
      />
    </>
  );
}

function EraseDialog({
  tenant,
  name,
  slug,
  onClose,
}: {
  tenant: string;
  name: string;
  slug: string;
  onClose: () => void;
}) {
  const [typed, setTyped] = useState("");
  const once = useOnce();
  async function submit(): Promise<void> {
    if (typed.trim() !== slug) throw new Error(`Type ${slug} to confirm.`);
    const body = { confirm: typed.trim() };
    await answer(
      admin.POST("/tenants/{tenant}/erase", { params: { path: { tenant }, header: once(body) }, body }),
    );
  }
  return (
    <FormDialog
      title={`Erase ${name}?`}
      kind="danger"
      action="Erase it for good"
      onClose={onClose}
      changes={[keyOf(tenant), tenantsKey]}
      onSubmit={submit}
    >
      <Note tone="bad">There is no way back, not even from a backup: its data keys are deleted.</Note>
      <TextField
        label={
          <>
            Type <span className="mono">{slug}</span> to confirm
          </>
        }
        required
        autoFocus
        autoComplete="off"
        className="input mono"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
    </FormDialog>
  );
}

export function ErasurePart({ tenant }: { tenant: string }) {
  const { data: known, error: unlisted } = useQuery(tenantQuery(tenant));
  // Of a tenant that is there nothing is to be told, and asking would be answered with 404.
  const isWhole = Boolean(known) && !known?.erased_at;
  const { data, error, refetch } = useQuery({
    ...erasureQuery(tenant),
    enabled: !isWhole && (known !== undefined || unlisted !== null),
  });
  const [isAsked, ask] = useState(false);
  if (error) return <ErrorNote error={error} onRetry={() => void refetch()} />;
  if (data === undefined && !isWhole) return <Loading />;
  if (data) return <Progress of={data} />;
  return (
    <Card title="Erase the organisation">
      <div className="stack">
        <p>
          Its keys are revoked within a second, own provider keys, guardrails, presets, members and settings
          are deleted, names and addresses are taken away. Requests under way end as they would and settle.
        </p>
        <p>
          The ledger, usage by counts and times, and issued documents stay: books must be kept. They name
          nobody, but for issued documents.
        </p>
        <p className="soft">Decide on its parked messages and issue its last invoices first.</p>
        <div>
          <Button kind="danger" disabled={!known} onClick={() => ask(true)}>
            Erase…
          </Button>
        </div>
      </div>
      {isAsked && known ? (
        <EraseDialog tenant={tenant} name={known.name} slug={known.slug} onClose={() => ask(false)} />
      ) : null}
    </Card>
  );
}
