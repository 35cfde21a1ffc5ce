import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";

import { type Schemas, account, answer, api } from "~/api/client";
import { messageOf } from "~/api/errors";
import { sessionQuery, useMay, useSession } from "~/session/session";
import { Ago } from "~/ui/Ago";
import { Button } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { Badge, ErrorNote, Loading, Note } from "~/ui/Note";
import { Card, Page } from "~/ui/Page";
import { complain, say } from "~/ui/toast";
import { PluginFields } from "~/workspaces/PluginFields";
import { type Plugins, pluginsAsked, pluginsIn } from "~/workspaces/plugins";

import { browserOf } from "./browser";

function SmallForm({
  action,
  onSubmit,
  children,
}: {
  action: string;
  onSubmit: () => Promise<unknown>;
  children: ReactNode;
}) {
  const send = useMutation({ mutationFn: onSubmit, onSuccess: () => say("Saved.") });
  function submit(event: FormEvent): void {
    event.preventDefault();
    send.mutate();
  }
  return (
    <form className="form" onSubmit={submit}>
      {children}
      {send.error ? <Note tone="bad">{messageOf(send.error)}</Note> : null}
      <div className="form-actions">
        <Button type="submit" busy={send.isPending}>
          {action}
        </Button>
      </div>
    </form>
  );
}

function Profile() {
  const { user } = useSession();
  const queries = useQueryClient();
  const [name, setName] = useState(user.name);
  async function save(): Promise<void> {
    await answer(account.PATCH("/me", { body: { name } }));
    await queries.invalidateQueries({ queryKey: sessionQuery.queryKey });
  }
  return (
    <Card title="You">
      <SmallForm action="Save" onSubmit={save}>
        <TextField label="E-mail" value={user.email} readOnly />
        <TextField
          label="Name"
          autoComplete="name"
          maxLength={200}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
      </SmallForm>
    </Card>
  );
}

function Password() {
  const { user } = useSession();
  const { form, change, field } = useForm({ before: "", after: "" });
  if (!user.has_password) {
    return (
      <Card title="Password">
        <p className="soft">
          You sign in with your organisation&apos;s account. <a href="/reset-password">Set a password</a> to
          sign in without it.
        </p>
      </Card>
    );
  }
  async function save(): Promise<void> {
    await answer(
      account.PUT("/me/password", { body: { old_password: form.before, new_password: form.after } }),
    );
    change({ before: "", after: "" });
  }
  return (
    <Card title="Password">
      <SmallForm action="Change it" onSubmit={save}>
        <TextField
          label="The password of now"
          type="password"
          autoComplete="current-password"
          required
          {...field("before")}
        />
        <TextField
          label="The new one"
          type="password"
          autoComplete="new-password"
          hint="At least 12 characters. Every other session ends."
          minLength={12}
          maxLength={200}
          required
          {...field("after")}
        />
      </SmallForm>
    </Card>
  );
}

function SignOutDialog({ onClose }: { onClose: () => void }) {
  return (
    <FormDialog
      title="Sign out everywhere?"
      kind="danger"
      action="End every session"
      onClose={onClose}
      changes={[sessionQuery.queryKey]}
      onSubmit={() => answer(account.DELETE("/sessions"))}
    >
      <p>Every session ends at once, this one too.</p>
    </FormDialog>
  );
}

function Sessions() {
  const queries = useQueryClient();
  const { data, error, refetch } = useQuery({
    queryKey: ["sessions"],
    queryFn: async () => (await answer(account.GET("/sessions"))).data,
  });
  const end = useMutation({
    mutationFn: (id: string) => answer(account.DELETE("/sessions/{id}", { params: { path: { id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["sessions"] }),
    onError: complain,
  });
  const [isAsked, ask] = useState(false);
  return (
    <Card
      title="Sessions"
      actions={
        <Button size="small" kind="danger" onClick={() => ask(true)}>
          Sign out everywhere…
        </Button>
      }
    >
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {data ? (
        <ul className="stack">
          {data.map((one) => (
            <li key={one.id} className="page-head">
              <div className="stack-tight">
                <span>
                  {one.address} {one.is_current ? <Badge tone="accent">this one</Badge> : null}
                </span>
                <span className="soft">
                  <span title={one.user_agent}>{browserOf(one.user_agent)}</span> · used{" "}
                  <Ago of={one.last_seen_at} />
                </span>
              </div>
              {one.is_current ? null : (
                <Button
                  size="small"
                  aria-label={`End the session of ${browserOf(one.user_agent)} at ${one.address}`}
                  onClick={() => end.mutate(one.id)}
                >
                  End
                </Button>
              )}
            </li>
          ))}
        </ul>
      ) : error ? null : (
        <Loading lines={3} />
      )}
      {isAsked ? <SignOutDialog onClose={() => ask(false)} /> : null}
    </Card>
  );
}

const organizationKey = ["organization"];

function OrganizationForm({ first }: { first: Schemas["Organization"] }) {
  const queries = useQueryClient();
  const mayWrite = useMay()("organization.write");
  const [name, setName] = useState(first.name);
  const [model, setModel] = useState(first.default_text_model ?? "");
  const [plugins, setPlugins] = useState<Plugins>(() => pluginsIn(first));
  async function save(): Promise<void> {
    const body = { name, default_text_model: model.trim() || null, ...pluginsAsked(plugins) };
    await answer(api.PATCH("/organization", { body }));
    await Promise.all([
      queries.invalidateQueries({ queryKey: organizationKey }),
      queries.invalidateQueries({ queryKey: sessionQuery.queryKey }),
    ]);
  }
  const fields = (
    <>
      <TextField
        label="Name"
        required
        readOnly={!mayWrite}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <TextField
        label="Model of requests that name none"
        placeholder="none: such requests are refused"
        readOnly={!mayWrite}
        value={model}
        onChange={(event) => setModel(event.target.value)}
      />
      <PluginFields
        of={plugins}
        whose="organisation"
        mayWrite={mayWrite}
        onChange={(changes) => setPlugins({ ...plugins, ...changes })}
      />
    </>
  );
  return mayWrite ? (
    <SmallForm action="Save" onSubmit={save}>
      {fields}
    </SmallForm>
  ) : (
    <div className="form">{fields}</div>
  );
}

function Organization() {
  const { data, error, refetch } = useQuery({
    queryKey: organizationKey,
    queryFn: async () => (await answer(api.GET("/organization"))).data,
  });
  return (
    <Card title="Organisation">
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {data ? <OrganizationForm key={data.updated_at} first={data} /> : error ? null : <Loading lines={3} />}
    </Card>
  );
}

export function SettingsPage() {
  const { organization } = useSession();
  return (
    <Page title="Settings" about="You, your sessions, and the organisation.">
      <div className="columns">
        <div className="stack">
          <Profile />
          <Password />
        </div>
        <div className="stack">
          {organization ? <Organization /> : null}
          <Sessions />
        </div>
      </div>
    </Page>
  );
}
