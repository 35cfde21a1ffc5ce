import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { admin, answer } from "~/api/client";
import { everyOf } from "~/keys/keys";
import { exactUsd } from "~/format/money";
import { date } from "~/format/time";
import { Ago } from "~/ui/Ago";
import { Button } from "~/ui/Button";
import { RowMenu } from "~/ui/Menu";
import { Badge, Empty } from "~/ui/Note";
import { SecretDialog } from "~/ui/SecretDialog";
import { ListTable } from "~/ui/PagedTable";
import { ACTIONS, type Column } from "~/ui/Table";
import { complain, say } from "~/ui/toast";

import { DeleteKeyDialog, NewKeyDialog, RotateKeyDialog } from "./KeyDialogs";
import { type MintedKey, type OperatorKey, keyOf, keysQuery } from "./tenant";

type Asked = { what: "new" } | { what: "rotate" | "delete"; of: OperatorKey };

function stateOf(one: OperatorKey, now: Date) {
  if (one.disabled) return <Badge tone="warn">disabled</Badge>;
  if (one.expires_at && new Date(one.expires_at) <= now) return <Badge>expired</Badge>;
  return <Badge tone="good">in force</Badge>;
}

const columnsOf = (
  ask: (asked: Asked) => void,
  onSwitch: (key: OperatorKey) => void,
): Column<OperatorKey>[] => [
  {
    id: "name",
    head: "Key",
    width: "minmax(200px, 2fr)",
    value: (one) => one.name,
    cell: (one) => (
      <div className="stack-tight">
        <span>{one.name}</span>
        <span className="soft mono cut" title={one.hash}>
          {one.label}
        </span>
      </div>
    ),
  },
  { id: "kind", head: "For", width: "120px", value: (one) => one.kind, cell: (one) => one.kind },
  { id: "state", head: "State", width: "110px", cell: (one) => stateOf(one, new Date()) },
  {
    id: "limit",
    head: "Limit",
    width: "160px",
    align: "right",
    value: (one) => (one.limit === null ? null : Number(one.limit)),
    cell: (one) => (one.limit === null ? "none" : `${exactUsd(one.limit)}${everyOf(one.limit_reset)}`),
  },
  {
    id: "used",
    head: "Last used",
    width: "140px",
    value: (one) => one.last_used_at,
    cell: (one) => <Ago of={one.last_used_at} />,
  },
  {
    id: "ends",
    head: "Expires",
    width: "120px",
    value: (one) => one.expires_at,
    cell: (one) => (one.expires_at ? date(one.expires_at) : "never"),
  },
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
    width: "60px",
    align: "right",
    cell: (one) => (
      <RowMenu
        label={`What to do with ${one.name}`}
        actions={[
          { label: one.disabled ? "Enable" : "Disable", onSelect: () => onSwitch(one) },
          { label: "Rotate…", onSelect: () => ask({ what: "rotate", of: one }) },
          { label: "Delete…", tone: "bad", onSelect: () => ask({ what: "delete", of: one }) },
        ]}
      />
    ),
  },
];

export function KeysPart({ tenant }: { tenant: string }) {
  const queries = useQueryClient();
  const list = useQuery(keysQuery(tenant));
  const [asked, ask] = useState<Asked | null>(null);
  const [minted, keep] = useState<MintedKey | null>(null);
  const close = () => ask(null);

  async function flip(one: OperatorKey): Promise<void> {
    try {
      const body = { disabled: !one.disabled };
      await answer(admin.PATCH("/keys/{hash}", { params: { path: { hash: one.hash } }, body }));
      say(one.disabled ? `“${one.name}” is in force again.` : `“${one.name}” is refused from now on.`);
    } catch (refused) {
      complain(refused);
    }
    await queries.invalidateQueries({ queryKey: keyOf(tenant, "keys") });
  }

  return (
    <>
      <div className="bar">
        <Button kind="primary" onClick={() => ask({ what: "new" })}>
          New key
        </Button>
      </div>
      <ListTable
        label="Keys"
        list={list}
        columns={columnsOf(ask, (one) => void flip(one))}
        rowKey={(one) => one.hash}
        rowHeight={60}
        empty={<Empty title="No keys yet">The tenant makes its own, or you make one for it.</Empty>}
      />
      {asked?.what === "new" ? <NewKeyDialog tenant={tenant} onClose={close} onMinted={keep} /> : null}
      {asked?.what === "rotate" ? (
        <RotateKeyDialog tenant={tenant} of={asked.of} onClose={close} onMinted={keep} />
      ) : null}
      {asked?.what === "delete" ? <DeleteKeyDialog tenant={tenant} of={asked.of} onClose={close} /> : null}
      {minted ? (
        <SecretDialog
          title={`The key “${minted.data.name}”`}
          label="The secret of the key"
          secret={minted.key}
          onClose={() => keep(null)}
        />
      ) : null}
    </>
  );
}
