import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import { useMay } from "~/session/session";
import { Ago } from "~/ui/Ago";
import { Button, type ButtonKind } from "~/ui/Button";
import { RowMenu } from "~/ui/Menu";
import { Badge, Empty } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { ListTable } from "~/ui/PagedTable";
import { ACTIONS, type Column } from "~/ui/Table";
import { WorkspacePicker } from "~/workspaces/WorkspacePicker";

import { ChangeDialog, DeleteDialog, VersionDialog, VersionsDialog } from "./dialogs";
import { type Preset, presetsQuery } from "./presets";

const route = getRouteApi("/inside/presets");

type Asked = { what: "new" } | { what: "version" | "versions" | "change" | "delete"; one: Preset } | null;

export function PresetsPage() {
  const { workspace } = route.useSearch();
  const navigate = route.useNavigate();
  const mayWrite = useMay()("presets.write");
  const [asked, ask] = useState<Asked>(null);
  const list = useQuery(presetsQuery(workspace));
  const close = () => ask(null);
  const create = (kind: ButtonKind) =>
    mayWrite ? (
      <Button kind={kind} onClick={() => ask({ what: "new" })}>
        New preset
      </Button>
    ) : null;
  const columns: Column<Preset>[] = [
    {
      id: "slug",
      head: "Preset",
      width: "minmax(200px, 2fr)",
      value: (one) => one.slug,
      cell: (one) => (
        <div className="stack-tight">
          <button type="button" className="link mono" onClick={() => ask({ what: "versions", one })}>
            @preset/{one.slug}
          </button>
          {one.description ? <span className="soft cut">{one.description}</span> : null}
        </div>
      ),
    },
    {
      id: "status",
      head: "State",
      width: "120px",
      value: (one) => one.status,
      cell: (one) => <Badge tone={one.status === "active" ? "good" : undefined}>{one.status}</Badge>,
    },
    {
      id: "changed",
      head: "Changed",
      width: "160px",
      value: (one) => one.updated_at,
      cell: (one) => <Ago of={one.updated_at} />,
    },
    {
      id: "menu",
      head: ACTIONS,
      width: "56px",
      cell: (one) =>
        mayWrite ? (
          <RowMenu
            label={`Actions of ${one.slug}`}
            actions={[
              { label: "New version…", onSelect: () => ask({ what: "version", one }) },
              { label: "Change…", onSelect: () => ask({ what: "change", one }) },
              { label: "Delete…", tone: "bad", onSelect: () => ask({ what: "delete", one }) },
            ]}
          />
        ) : null,
    },
  ];
  return (
    <Page
      title="Presets"
      about="Settings under a name: models, providers, a system prompt, parameters, tools. A request that names one takes over what it does not say itself."
      actions={create("primary")}
    >
      <WorkspacePicker value={workspace} onChange={(id) => void navigate({ search: { workspace: id } })} />
      <ListTable
        label="Presets"
        list={list}
        columns={columns}
        rowKey={(one) => one.id}
        rowHeight={60}
        empty={
          <Empty title="No presets in this workspace" action={create("plain")}>
            A preset holds a model, a system prompt and settings under a name that requests refer to.
          </Empty>
        }
      />
      {asked?.what === "new" ? <VersionDialog of={null} workspace={workspace} onClose={close} /> : null}
      {asked?.what === "version" ? (
        <VersionDialog of={asked.one.slug} workspace={workspace} onClose={close} />
      ) : null}
      {asked?.what === "versions" ? (
        <VersionsDialog of={asked.one} workspace={workspace} onClose={close} />
      ) : null}
      {asked?.what === "change" ? (
        <ChangeDialog of={asked.one} workspace={workspace} onClose={close} />
      ) : null}
      {asked?.what === "delete" ? (
        <DeleteDialog of={asked.one} workspace={workspace} onClose={close} />
      ) : null}
    </Page>
  );
}
