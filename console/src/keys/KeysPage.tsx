import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import { usd } from "~/format/money";
import { useMay } from "~/session/session";
import { Ago } from "~/ui/Ago";
import { Button, type ButtonKind } from "~/ui/Button";
import { Segments } from "~/ui/Field";
import { RowMenu } from "~/ui/Menu";
import { Badge, Empty } from "~/ui/Note";
import { Meter, Page } from "~/ui/Page";
import { SecretDialog } from "~/ui/SecretDialog";
import { ListTable } from "~/ui/PagedTable";
import { ACTIONS, type Column } from "~/ui/Table";
import { complain } from "~/ui/toast";
import { WorkspacePicker } from "~/workspaces/WorkspacePicker";

import { ChangeKeyDialog, DeleteKeyDialog, NewKeyDialog, RotateKeyDialog } from "./KeyDialogs";
import {
  type Key,
  type KeyState,
  type Kind,
  type Minted,
  changeKey,
  everyOf,
  keysQuery,
  stateOf,
} from "./keys";

const route = getRouteApi("/inside/keys");

export const STATE_TONES = {
  active: "good",
  disabled: undefined,
  expired: "warn",
  "used up": "bad",
} as const satisfies Record<KeyState, string | undefined>;

const KINDS = [
  { value: "inference", label: "For models" },
  { value: "management", label: "For management" },
] as const;

export function LimitCell({ of }: { of: Key }) {
  if (of.limit === null || of.limit === undefined) return <span className="soft">no limit</span>;
  const used = of.limit - (of.limit_remaining ?? 0);
  return (
    <div className="stack-tight">
      <span className="number">
        {usd(used)} of {usd(of.limit)}
        {everyOf(of.limit_reset)}
      </span>
      <Meter used={used} of={of.limit} label="Limit" />
    </div>
  );
}

type Asked =
  { what: "new" } | { what: "change" | "rotate" | "delete"; key: Key } | { what: "secret"; minted: Minted };

function columns(mayWrite: boolean, ask: (asked: Asked) => void, toggle: (key: Key) => void): Column<Key>[] {
  const all: Column<Key>[] = [
    {
      id: "name",
      head: "Key",
      width: "minmax(200px, 2fr)",
      value: (key) => key.name,
      cell: (key) => (
        <div className="stack-tight">
          <Link to="/keys/$hash" params={{ hash: key.hash }}>
            {key.name}
          </Link>
          <span className="soft mono cut">{key.label}</span>
        </div>
      ),
    },
    {
      id: "state",
      head: "State",
      width: "110px",
      value: (key) => stateOf(key),
      cell: (key) => <Badge tone={STATE_TONES[stateOf(key)]}>{stateOf(key)}</Badge>,
    },
    {
      id: "limit",
      head: "Limit",
      width: "minmax(240px, 1.5fr)",
      value: (key) => key.limit,
      cell: (key) => <LimitCell of={key} />,
    },
    {
      id: "today",
      head: "Today",
      width: "100px",
      align: "right",
      value: (key) => key.usage_daily,
      cell: (key) => usd(key.usage_daily),
    },
    {
      id: "month",
      head: "This month",
      width: "110px",
      align: "right",
      value: (key) => key.usage_monthly,
      cell: (key) => usd(key.usage_monthly),
    },
    {
      id: "total",
      head: "In total",
      width: "110px",
      align: "right",
      value: (key) => key.usage,
      cell: (key) => usd(key.usage),
    },
    {
      id: "used",
      head: "Last used",
      width: "140px",
      value: (key) => key.last_used_at,
      cell: (key) => <Ago of={key.last_used_at} />,
    },
  ];
  if (mayWrite) {
    all.push({
      id: "menu",
      head: ACTIONS,
      width: "54px",
      cell: (key) => (
        <RowMenu
          label={`Actions of ${key.name}`}
          actions={[
            { label: "Change…", onSelect: () => ask({ what: "change", key }) },
            { label: "Rotate…", onSelect: () => ask({ what: "rotate", key }) },
            { label: key.disabled ? "Enable" : "Disable", onSelect: () => toggle(key) },
            { label: "Delete…", tone: "bad", onSelect: () => ask({ what: "delete", key }) },
          ]}
        />
      ),
    });
  }
  return all;
}

function Dialogs({
  asked,
  ask,
  workspace,
  kind,
}: {
  asked: Asked | null;
  ask: (asked: Asked | null) => void;
  workspace: string | undefined;
  kind: Kind;
}) {
  const close = () => ask(null);
  const show = (minted: Minted) => ask({ what: "secret", minted });
  switch (asked?.what) {
    case "new":
      return <NewKeyDialog workspace={workspace} kind={kind} onClose={close} onMinted={show} />;
    case "change":
      return <ChangeKeyDialog of={asked.key} onClose={close} />;
    case "rotate":
      return <RotateKeyDialog of={asked.key} onClose={close} onMinted={show} />;
    case "delete":
      return <DeleteKeyDialog of={asked.key} onClose={close} />;
    case "secret":
      return (
        <SecretDialog
          title={`The key “${asked.minted.data.name}”`}
          label="The secret of the key"
          secret={asked.minted.key}
          onClose={close}
        />
      );
    default:
      return null;
  }
}

export function KeysPage() {
  const { workspace, kind = "inference" } = route.useSearch();
  const navigate = route.useNavigate();
  const queries = useQueryClient();
  const mayWrite = useMay()("keys.write");
  const [asked, ask] = useState<Asked | null>(null);
  const list = useQuery(keysQuery({ workspace, kind }));
  const toggle = useMutation({
    mutationFn: (key: Key) => changeKey(key.hash, { disabled: !key.disabled }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["keys"] }),
    onError: complain,
  });
  const create = (kind: ButtonKind) =>
    mayWrite ? (
      <Button kind={kind} onClick={() => ask({ what: "new" })}>
        New key
      </Button>
    ) : null;

  return (
    <Page
      isList
      title="Keys"
      about="Each key calls models or administers the organisation. A limit is enforced before anything is spent."
      actions={create("primary")}
    >
      <div className="bar">
        <Segments
          label="Kind of keys"
          options={KINDS}
          value={kind}
          onChange={(value) =>
            void navigate({ search: { workspace, kind: value === "management" ? value : undefined } })
          }
        />
        {kind === "inference" ? (
          <WorkspacePicker
            value={workspace}
            onChange={(id) => void navigate({ search: (old) => ({ ...old, workspace: id }) })}
          />
        ) : null}
      </div>
      <ListTable
        label="Keys"
        list={list}
        columns={columns(mayWrite, ask, (key) => toggle.mutate(key))}
        rowKey={(key) => key.hash}
        rowHeight={60}
        empty={
          <Empty
            title={kind === "management" ? "No management keys" : "No keys in this workspace"}
            action={create("plain")}
          >
            {kind === "management"
              ? "With one, scripts can do whatever the public management API offers."
              : "Make one, give it a limit, and call any model with it."}
          </Empty>
        }
      />
      <Dialogs asked={asked} ask={ask} workspace={workspace} kind={kind} />
    </Page>
  );
}
