import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import { answer, api } from "~/api/client";
import { date } from "~/format/time";
import { useMay } from "~/session/session";
import { Button, type ButtonKind } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { RowMenu } from "~/ui/Menu";
import { Badge, Empty } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { ListTable } from "~/ui/PagedTable";
import { ACTIONS, type Column } from "~/ui/Table";
import { WorkspacePicker } from "~/workspaces/WorkspacePicker";

import { GuardrailDialog } from "./GuardrailDialog";
import { type Guardrail, guardrailsQuery, summaryOf } from "./guardrails";

const route = getRouteApi("/inside/guardrails");

export function Rules({ of }: { of: Guardrail }) {
  const rules = summaryOf(of);
  if (rules.length === 0) return <span className="soft">no rules yet</span>;
  return (
    <span className="chips">
      {rules.map((rule) => (
        <Badge key={rule}>{rule}</Badge>
      ))}
    </span>
  );
}

export function DeleteGuardrailDialog({
  of,
  onClose,
  onDeleted,
}: {
  of: Guardrail;
  onClose: () => void;
  onDeleted?: () => void;
}) {
  async function submit(): Promise<void> {
    await answer(api.DELETE("/guardrails/{id}", { params: { path: { id: of.id } } }));
  }
  return (
    <FormDialog
      title={`Delete “${of.name}”?`}
      kind="danger"
      action="Delete"
      onClose={onClose}
      changes={[["guardrails"]]}
      onSubmit={submit}
      onDone={onDeleted}
    >
      <p>Its rules hold no longer for the keys and members that it is assigned to.</p>
    </FormDialog>
  );
}

export function GuardrailsPage() {
  const { workspace } = route.useSearch();
  const navigate = route.useNavigate();
  const mayWrite = useMay()("guardrails.write");
  const [asked, ask] = useState<{ what: "new" } | { what: "change" | "delete"; one: Guardrail } | null>(null);
  const list = useQuery(guardrailsQuery(workspace));
  const create = (kind: ButtonKind) =>
    mayWrite ? (
      <Button kind={kind} onClick={() => ask({ what: "new" })}>
        New guardrail
      </Button>
    ) : null;
  const columns: Column<Guardrail>[] = [
    {
      id: "name",
      head: "Guardrail",
      width: "minmax(180px, 1fr)",
      value: (one) => one.name,
      cell: (one) => (
        <div className="stack-tight">
          <Link to="/guardrails/$id" params={{ id: one.id }}>
            {one.name}
          </Link>
          {one.description ? <span className="soft cut">{one.description}</span> : null}
        </div>
      ),
    },
    { id: "rules", head: "Rules", width: "minmax(260px, 3fr)", cell: (one) => <Rules of={one} /> },
    {
      id: "made",
      head: "Made",
      width: "120px",
      value: (one) => one.created_at,
      cell: (one) => date(one.created_at),
    },
    {
      id: "menu",
      head: ACTIONS,
      width: "56px",
      cell: (one) =>
        mayWrite ? (
          <RowMenu
            label={`Actions of ${one.name}`}
            actions={[
              { label: "Change…", onSelect: () => ask({ what: "change", one }) },
              { label: "Delete…", tone: "bad", onSelect: () => ask({ what: "delete", one }) },
            ]}
          />
        ) : null,
    },
  ];
  return (
    <Page
      title="Guardrails"
      about="Budgets, models and providers, and what may stand in requests. A guardrail holds for the keys and members that it is assigned to."
      actions={create("primary")}
    >
      <WorkspacePicker value={workspace} onChange={(id) => void navigate({ search: { workspace: id } })} />
      <ListTable
        label="Guardrails"
        list={list}
        columns={columns}
        rowKey={(one) => one.id}
        rowHeight={60}
        empty={
          <Empty title="No guardrails in this workspace" action={create("plain")}>
            Nothing but keys&apos; limits and budgets holds requests back.
          </Empty>
        }
      />
      {asked?.what === "new" || asked?.what === "change" ? (
        <GuardrailDialog
          of={asked.what === "change" ? asked.one : null}
          workspace={workspace}
          onClose={() => ask(null)}
        />
      ) : null}
      {asked?.what === "delete" ? <DeleteGuardrailDialog of={asked.one} onClose={() => ask(null)} /> : null}
    </Page>
  );
}
