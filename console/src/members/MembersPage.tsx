import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { type AccountSchemas, account, answer, api } from "~/api/client";
import { useMay, useSession } from "~/session/session";
import { Ago } from "~/ui/Ago";
import { Button } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { SelectField, TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { RowMenu } from "~/ui/Menu";
import { Badge, ErrorNote } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { ListTable } from "~/ui/PagedTable";
import { ACTIONS, type Column, Table } from "~/ui/Table";
import { complain, say } from "~/ui/toast";

import { type Member, ROLES, invitationsQuery, membersQuery, nameOf } from "./members";

type Invitation = AccountSchemas["Invitation"];

function InviteDialog({ onClose }: { onClose: () => void }) {
  const { form, field } = useForm({ email: "", role: "developer" });
  async function submit(): Promise<void> {
    await answer(account.POST("/invitations", { body: form }));
    say(`Mail to ${form.email} is on its way.`);
  }
  return (
    <FormDialog
      title="Invite somebody"
      action="Send the invitation"
      onClose={onClose}
      changes={[["invitations"]]}
      onSubmit={submit}
    >
      <TextField label="E-mail" type="email" required autoFocus {...field("email")} />
      <SelectField label="Role" options={ROLES} {...field("role")} />
    </FormDialog>
  );
}

function RoleDialog({ of, onClose }: { of: Member; onClose: () => void }) {
  const [role, setRole] = useState(of.organization_role);
  async function submit(): Promise<void> {
    await answer(
      api.PATCH("/organization/members/{user_id}", { params: { path: { user_id: of.id } }, body: { role } }),
    );
  }
  return (
    <FormDialog
      title={`Role of ${nameOf(of)}`}
      action="Save"
      onClose={onClose}
      changes={[["members"]]}
      onSubmit={submit}
    >
      <SelectField
        label="Role"
        options={ROLES}
        value={role}
        onChange={(event) => setRole(event.target.value)}
      />
    </FormDialog>
  );
}

function RemoveDialog({ of, onClose }: { of: Member; onClose: () => void }) {
  async function submit(): Promise<void> {
    await answer(api.DELETE("/organization/members/{user_id}", { params: { path: { user_id: of.id } } }));
    say(`${nameOf(of)} is out.`);
  }
  return (
    <FormDialog
      title={`Remove ${nameOf(of)}?`}
      kind="danger"
      action="Remove"
      onClose={onClose}
      changes={[["members"]]}
      onSubmit={submit}
    >
      <p>They are out at once. While keys that they made are in force, this is refused.</p>
    </FormDialog>
  );
}

function Invitations({ mayWrite }: { mayWrite: boolean }) {
  const queries = useQueryClient();
  const { data, error, refetch } = useQuery(invitationsQuery);
  const revoke = useMutation({
    mutationFn: (id: string) => answer(account.DELETE("/invitations/{id}", { params: { path: { id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["invitations"] }),
    onError: complain,
  });
  if (error) return <ErrorNote error={error} onRetry={() => void refetch()} />;
  if (!data || data.length === 0) return null;
  const columns: Column<Invitation>[] = [
    {
      id: "email",
      head: "Invited",
      width: "minmax(220px, 2fr)",
      value: (one) => one.email,
      cell: (one) => one.email,
    },
    { id: "role", head: "As", width: "120px", value: (one) => one.role, cell: (one) => one.role },
    {
      id: "end",
      head: "Can be accepted until",
      width: "180px",
      value: (one) => one.expires_at,
      cell: (one) => <Ago of={one.expires_at} />,
    },
    {
      id: "menu",
      head: ACTIONS,
      width: "120px",
      cell: (one) =>
        mayWrite ? (
          <Button
            size="small"
            aria-label={`Take back the invitation of ${one.email}`}
            onClick={() => revoke.mutate(one.id)}
          >
            Take back
          </Button>
        ) : null,
    },
  ];
  return (
    <>
      <h2>Open invitations</h2>
      <Table label="Open invitations" rows={data} columns={columns} rowKey={(one) => one.id} isWhole />
    </>
  );
}

export function MembersPage() {
  const { user } = useSession();
  const mayWrite = useMay()("members.write");
  const list = useQuery(membersQuery);
  const [asked, ask] = useState<{ what: "invite" } | { what: "role" | "remove"; member: Member } | null>(
    null,
  );
  const close = () => ask(null);
  const columns: Column<Member>[] = [
    {
      id: "name",
      head: "Member",
      width: "minmax(220px, 3fr)",
      value: nameOf,
      cell: (one) => (
        <div className="stack-tight">
          <span>
            {nameOf(one)} {one.id === user.id ? <Badge>you</Badge> : null}
          </span>
          {nameOf(one) === one.email ? null : <span className="soft">{one.email}</span>}
        </div>
      ),
    },
    {
      id: "role",
      head: "Role",
      width: "140px",
      value: (one) => one.organization_role,
      cell: (one) => one.organization_role,
    },
    {
      id: "menu",
      head: ACTIONS,
      width: "60px",
      cell: (member) =>
        mayWrite ? (
          <RowMenu
            label={`Actions of ${nameOf(member)}`}
            actions={[
              { label: "Change the role…", onSelect: () => ask({ what: "role", member }) },
              { label: "Remove…", tone: "bad", onSelect: () => ask({ what: "remove", member }) },
            ]}
          />
        ) : null,
    },
  ];
  return (
    <Page
      isList
      title="Members"
      about="Who works in this organisation, and what they may do."
      actions={
        mayWrite ? (
          <Button kind="primary" onClick={() => ask({ what: "invite" })}>
            Invite
          </Button>
        ) : null
      }
    >
      <ListTable label="Members" list={list} columns={columns} rowKey={(one) => one.id} rowHeight={60} />
      <Invitations mayWrite={mayWrite} />
      {asked?.what === "invite" ? <InviteDialog onClose={close} /> : null}
      {asked?.what === "role" ? <RoleDialog of={asked.member} onClose={close} /> : null}
      {asked?.what === "remove" ? <RemoveDialog of={asked.member} onClose={close} /> : null}
    </Page>
  );
}
