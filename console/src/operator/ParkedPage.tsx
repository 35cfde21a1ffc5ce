import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import { admin, answer } from "~/api/client";
import { rowsOf } from "~/api/paged";
import { exactUsd } from "~/format/money";
import { Ago } from "~/ui/Ago";
import { FormDialog } from "~/ui/Dialog";
import { Segments, TextField } from "~/ui/Field";
import { RowMenu } from "~/ui/Menu";
import { Badge, Empty, Note } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { PagedTable } from "~/ui/PagedTable";
import { ACTIONS, type Column } from "~/ui/Table";
import { complain, say } from "~/ui/toast";

import { TenantLink } from "./TenantLink";
import { type Parked, bytes, parkedQuery } from "./status";

const route = getRouteApi("/inside/operator/parked");

function DropDialog({ of, onClose }: { of: Parked; onClose: () => void }) {
  const [reason, setReason] = useState("");
  async function submit(): Promise<void> {
    const body = { reason: reason.trim() };
    const id = Number(of.parked_id);
    await answer(admin.POST("/parked/{id}/drop", { params: { path: { id } }, body }));
    say("The message is let go.");
  }
  return (
    <FormDialog
      title={`Drop message ${of.parked_id}?`}
      kind="danger"
      action="Drop it"
      onClose={onClose}
      changes={[
        ["operator", "parked"],
        ["operator", "status"],
      ]}
      onSubmit={submit}
    >
      <p>
        What it says is never charged and moves no money. The message stays, with who decided and why beside
        it; it cannot be tried again.
      </p>
      <TextField
        label="Reason"
        required
        autoFocus
        value={reason}
        onChange={(event) => setReason(event.target.value)}
      />
    </FormDialog>
  );
}

const columnsOf = (
  onRetry: (message: Parked) => void,
  onDrop: (message: Parked) => void,
): Column<Parked>[] => [
  { id: "id", head: "Message", width: "90px", cell: (one) => one.parked_id },
  {
    id: "at",
    head: "Parked",
    width: "130px",
    value: (one) => one.parked_at,
    cell: (one) => <Ago of={one.parked_at} />,
  },
  {
    id: "what",
    head: "What",
    width: "minmax(130px, 1fr)",
    value: (one) => one.subject,
    cell: (one) => (
      <div className="stack-tight">
        <span className="mono">{one.subject}</span>
        <span className="soft">{bytes(one.bytes)}</span>
      </div>
    ),
  },
  {
    id: "content",
    head: "Of",
    width: "minmax(230px, 2fr)",
    cell: (one) =>
      one.content.length === 0 ? (
        <span className="soft">cannot be read</span>
      ) : (
        <div className="stack-tight">
          {one.content.slice(0, 3).map((item) => (
            <span key={item.generation_id}>
              <TenantLink id={item.tenant_id} /> {exactUsd(item.charge)}{" "}
              <span className="mono soft">{item.generation_id}</span>
            </span>
          ))}
          {one.content.length > 3 ? <span className="soft">and {one.content.length - 3} more</span> : null}
        </div>
      ),
  },
  {
    id: "error",
    head: "Why",
    width: "minmax(220px, 2fr)",
    cell: (one) => <span className="details">{one.error}</span>,
  },
  {
    id: "decision",
    head: "Decision",
    width: "minmax(150px, 1fr)",
    value: (one) => one.decision,
    cell: (one) =>
      one.decision === null ? (
        <Badge tone="warn">waits</Badge>
      ) : (
        <div className="stack-tight">
          <span>
            <Badge tone={one.decision === "retry" ? "good" : undefined}>
              {one.decision === "retry" ? "settled" : "dropped"}
            </Badge>
          </span>
          <span className="soft details">
            {one.decided_by} {one.reason ? `: ${one.reason}` : ""}
          </span>
        </div>
      ),
  },
  {
    id: "menu",
    head: ACTIONS,
    width: "60px",
    align: "right",
    cell: (one) =>
      one.decision === null ? (
        <RowMenu
          label={`What to do with message ${one.parked_id}`}
          actions={[
            { label: "Try again", onSelect: () => onRetry(one) },
            { label: "Drop…", tone: "bad", onSelect: () => onDrop(one) },
          ]}
        />
      ) : null,
  },
];

export function ParkedPage() {
  const queries = useQueryClient();
  const { all } = route.useSearch();
  const navigate = route.useNavigate();
  const list = useInfiniteQuery(parkedQuery(all === true));
  const [asked, ask] = useState<Parked | null>(null);
  const rows = rowsOf(list.data);

  async function retry(one: Parked): Promise<void> {
    try {
      const id = Number(one.parked_id);
      await answer(admin.POST("/parked/{id}/retry", { params: { path: { id } } }));
      say(`Message ${one.parked_id} is settled.`);
    } catch (error) {
      complain(error);
    }
    await queries.invalidateQueries({ queryKey: ["operator", "parked"] });
    await queries.invalidateQueries({ queryKey: ["operator", "status"] });
  }

  return (
    <Page
      title="Parked messages"
      about="Records of usage that billing cannot read or that failed too often. Nothing is deleted; each waits for a decision."
    >
      <div className="bar">
        <Segments
          label="Which"
          options={[
            { value: "waiting", label: "Waiting" },
            { value: "all", label: "All" },
          ]}
          value={all ? "all" : "waiting"}
          onChange={(which) =>
            void navigate({ search: { all: which === "all" || undefined }, replace: true })
          }
        />
      </div>
      {rows && rows.some((one) => one.decision === null) ? (
        <Note>
          Trying a message again settles it once, however often it was tried. Find out why it failed before
          you drop it.
        </Note>
      ) : null}
      <PagedTable
        list={list}
        label="Parked messages"
        columns={columnsOf((one) => void retry(one), ask)}
        rowKey={(one) => one.parked_id}
        rowHeight={64}
        empty={
          <Empty title={all ? "No message was ever parked" : "Nothing waits for a decision"}>
            Every record of usage was settled.
          </Empty>
        }
      />
      {asked ? <DropDialog of={asked} onClose={() => ask(null)} /> : null}
    </Page>
  );
}
