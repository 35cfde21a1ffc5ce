import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { answer, api } from "~/api/client";
import { date } from "~/format/time";
import { useMay } from "~/session/session";
import { Button } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { TextField } from "~/ui/Field";
import { Badge } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { ListTable } from "~/ui/PagedTable";
import type { Column } from "~/ui/Table";

import { slugOf } from "./slug";
import { type Workspace, workspacesQuery } from "./workspaces";

function NewWorkspaceDialog({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [slug, setSlug] = useState<string | null>(null);
  const shown = slug ?? slugOf(name);
  async function submit(): Promise<void> {
    await answer(api.POST("/workspaces", { body: { name: name.trim(), slug: shown } }));
  }
  return (
    <FormDialog
      title="New workspace"
      action="Create"
      onClose={onClose}
      changes={[["workspaces"]]}
      onSubmit={submit}
    >
      <TextField
        label="Name"
        required
        autoFocus
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <TextField
        label="Slug"
        required
        hint="Its name in addresses and scripts."
        value={shown}
        onChange={(event) => setSlug(event.target.value)}
      />
    </FormDialog>
  );
}

const COLUMNS: Column<Workspace>[] = [
  {
    id: "name",
    head: "Workspace",
    width: "minmax(220px, 2fr)",
    value: (one) => one.name,
    cell: (one) => (
      <div className="stack-tight">
        <Link to="/workspaces/$id" params={{ id: one.id }}>
          {one.name}
        </Link>
        <span className="soft mono cut">{one.slug}</span>
      </div>
    ),
  },
  {
    id: "model",
    head: "Default model",
    width: "minmax(170px, 1fr)",
    value: (one) => one.default_text_model,
    cell: (one) => one.default_text_model ?? <span className="soft">the organisation&apos;s</span>,
  },
  {
    id: "logs",
    head: "Requests and answers",
    width: "180px",
    value: (one) => Number(one.is_observability_io_logging_enabled),
    cell: (one) =>
      one.is_observability_io_logging_enabled ? <Badge tone="warn">kept</Badge> : <Badge>not kept</Badge>,
  },
  {
    id: "made",
    head: "Made",
    width: "130px",
    value: (one) => one.created_at,
    cell: (one) => date(one.created_at),
  },
];

export function WorkspacesPage() {
  const mayWrite = useMay()("workspaces.write");
  const [isAsked, ask] = useState(false);
  const list = useQuery(workspacesQuery);
  return (
    <Page
      title="Workspaces"
      about="Keys, budgets, guardrails, presets and provider keys, grouped. The first one is the default."
      actions={
        mayWrite ? (
          <Button kind="primary" onClick={() => ask(true)}>
            New workspace
          </Button>
        ) : null
      }
    >
      <ListTable label="Workspaces" list={list} columns={COLUMNS} rowKey={(one) => one.id} rowHeight={60} />
      {isAsked ? <NewWorkspaceDialog onClose={() => ask(false)} /> : null}
    </Page>
  );
}
