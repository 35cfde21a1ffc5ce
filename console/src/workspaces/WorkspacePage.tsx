import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";

import { type Schemas, answer, api } from "~/api/client";
import { wholeList } from "~/api/pages";
import { messageOf } from "~/api/errors";
import { typedUsd, usd } from "~/format/money";
import { type Member, membersQuery, nameOf } from "~/members/members";
import { useMay } from "~/session/session";
import { Button } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { CheckField, SelectField, TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { ErrorNote, Loading, Note, failureOf } from "~/ui/Note";
import { Card, Page } from "~/ui/Page";
import { complain, say } from "~/ui/toast";

import { PluginFields } from "./PluginFields";
import { type Plugins, pluginsAsked, pluginsIn, pluginsTrouble } from "./plugins";
import { type Workspace, workspacesQuery } from "./workspaces";

const route = getRouteApi("/inside/workspaces/$id");

const SORTS = [
  { value: "", label: "the organisation's" },
  { value: "price", label: "price" },
  { value: "throughput", label: "throughput" },
  { value: "latency", label: "latency" },
  { value: "exacto", label: "sound tool calls" },
];

type Changes = Schemas["ChangeWorkspace"];

function Settings({ of, mayWrite }: { of: Workspace; mayWrite: boolean }) {
  const queries = useQueryClient();
  const { form, field, check } = useForm({
    name: of.name,
    model: of.default_text_model ?? "",
    sort: of.default_provider_sort ?? "",
    isLogging: of.is_observability_io_logging_enabled,
  });
  const [plugins, setPlugins] = useState<Plugins>(() => pluginsIn(of));
  const save = useMutation({
    mutationFn: (body: Changes) =>
      answer(api.PATCH("/workspaces/{id}", { params: { path: { id: of.id } }, body })),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["workspaces"] });
      say("Saved.");
    },
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (pluginsTrouble(plugins.text) !== null) return;
    save.mutate({
      name: form.name,
      default_text_model: form.model.trim() || null,
      default_provider_sort: form.sort || null,
      is_observability_io_logging_enabled: form.isLogging,
      ...pluginsAsked(plugins),
    });
  }
  return (
    <Card title="Settings">
      <form className="form" onSubmit={submit}>
        <TextField label="Name" required disabled={!mayWrite} {...field("name")} />
        <TextField
          label="Model of requests that name none"
          placeholder="the organisation's"
          disabled={!mayWrite}
          {...field("model")}
        />
        <SelectField
          label="Providers are sorted by"
          options={SORTS}
          disabled={!mayWrite}
          {...field("sort")}
        />
        <CheckField
          label="Keep requests and answers"
          hint="encrypted; owners and admins can read them"
          disabled={!mayWrite}
          {...check("isLogging")}
        />
        <PluginFields
          of={plugins}
          whose="workspace"
          mayWrite={mayWrite}
          onChange={(changes) => setPlugins({ ...plugins, ...changes })}
        />
        {save.error ? <Note tone="bad">{messageOf(save.error)}</Note> : null}
        {mayWrite ? (
          <div className="form-actions">
            <Button kind="primary" type="submit" busy={save.isPending}>
              Save
            </Button>
          </div>
        ) : null}
      </form>
    </Card>
  );
}

const INTERVALS = ["daily", "weekly", "monthly", "lifetime"] as const;
type Interval = (typeof INTERVALS)[number];

function BudgetDialog({
  workspace,
  interval,
  limit,
  onClose,
}: {
  workspace: string;
  interval: Interval;
  limit: number | undefined;
  onClose: () => void;
}) {
  const [text, setText] = useState(limit === undefined ? "" : String(limit));
  const path = { id: workspace, interval };
  async function submit(): Promise<void> {
    if (text.trim() === "")
      await answer(api.DELETE("/workspaces/{id}/budgets/{interval}", { params: { path } }));
    else {
      const amount = typedUsd(text);
      if (amount === null) throw new Error("An amount in USD, such as 250.");
      await answer(
        api.PUT("/workspaces/{id}/budgets/{interval}", { params: { path }, body: { limit_usd: amount } }),
      );
    }
  }
  return (
    <FormDialog
      title={`Budget: ${interval}`}
      action="Save"
      onClose={onClose}
      changes={[["budgets", workspace]]}
      onSubmit={submit}
    >
      <TextField
        label="Spend at most (USD)"
        placeholder="no budget"
        hint="Empty takes the budget away."
        inputMode="decimal"
        autoFocus
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
    </FormDialog>
  );
}

function Budgets({ of }: { of: Workspace }) {
  const mayWrite = useMay()("budgets.write");
  const [asked, ask] = useState<Interval | null>(null);
  const { data, error, refetch } = useQuery({
    queryKey: ["budgets", of.id],
    queryFn: () => answer(api.GET("/workspaces/{id}/budgets", { params: { path: { id: of.id } } })),
  });
  const budgetOf = (interval: Interval) =>
    data?.data.find((one) => (one.reset_interval ?? "lifetime") === interval);
  return (
    <Card title="Budgets">
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      <table className="plain-table">
        <tbody>
          {INTERVALS.map((interval) => (
            <tr key={interval}>
              <th scope="row">{interval === "lifetime" ? "in total" : interval}</th>
              <td className="number">
                {budgetOf(interval) ? usd(budgetOf(interval)?.limit_usd) : <span className="soft">none</span>}
              </td>
              <td className="number">
                {mayWrite && data ? (
                  <Button
                    size="small"
                    onClick={() => ask(interval)}
                    aria-label={`${budgetOf(interval) ? "Change" : "Set"} the ${interval} budget`}
                  >
                    {budgetOf(interval) ? "Change" : "Set"}
                  </Button>
                ) : null}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {data?.include_byok_in_budgets ? <p className="soft">Own provider keys count, too.</p> : null}
      {asked ? (
        <BudgetDialog
          workspace={of.id}
          interval={asked}
          limit={budgetOf(asked)?.limit_usd}
          onClose={() => ask(null)}
        />
      ) : null}
    </Card>
  );
}

function Members({ of, isDefault, mayWrite }: { of: Workspace; isDefault: boolean; mayWrite: boolean }) {
  const queries = useQueryClient();
  const everybody = useQuery(membersQuery);
  const inside = useQuery({
    queryKey: ["workspaces", of.id, "members"],
    queryFn: () =>
      wholeList((query) =>
        answer(api.GET("/workspaces/{id}/members", { params: { path: { id: of.id }, query } })),
      ),
  });
  const change = useMutation({
    mutationFn: async ({ member, isIn }: { member: Member; isIn: boolean }) => {
      const asked = { params: { path: { id: of.id } }, body: { user_ids: [member.id] } };
      await (isIn
        ? answer<unknown>(api.POST("/workspaces/{id}/members/remove", asked))
        : answer<unknown>(api.POST("/workspaces/{id}/members/add", asked)));
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ["workspaces", of.id, "members"] }),
    onError: complain,
  });
  if (isDefault) {
    return (
      <Card title="Members">
        <p className="soft">Everybody in the organisation works in the default workspace.</p>
      </Card>
    );
  }
  const failure = failureOf(everybody, inside);
  const ids = new Set(inside.data?.map((one) => one.user_id));
  return (
    <Card title="Members">
      {failure ? <ErrorNote {...failure} /> : null}
      {everybody.data && inside.data ? (
        <div className="stack member-list">
          {everybody.data.map((member) => (
            <CheckField
              key={member.id}
              label={nameOf(member)}
              hint={member.organization_role}
              checked={ids.has(member.id)}
              disabled={!mayWrite || change.isPending}
              onChange={() => change.mutate({ member, isIn: ids.has(member.id) })}
            />
          ))}
        </div>
      ) : failure ? null : (
        <Loading lines={3} />
      )}
    </Card>
  );
}

function DeleteDialog({ of, onClose }: { of: Workspace; onClose: () => void }) {
  const navigate = route.useNavigate();
  async function submit(): Promise<void> {
    await answer(api.DELETE("/workspaces/{id}", { params: { path: { id: of.id } } }));
    await navigate({ to: "/workspaces" });
  }
  return (
    <FormDialog
      title={`Delete “${of.name}”?`}
      kind="danger"
      action="Delete"
      onClose={onClose}
      changes={[["workspaces"]]}
      onSubmit={submit}
    >
      <p>Its budgets and memberships go with it. While keys of it are in force, this is refused.</p>
    </FormDialog>
  );
}

export function WorkspacePage() {
  const { id } = route.useParams();
  const may = useMay();
  const { data, error, refetch } = useQuery(workspacesQuery);
  const [isAsked, ask] = useState(false);
  const place = data?.findIndex((one) => one.id === id || one.slug === id) ?? -1;
  const workspace = data?.[place];
  if (!workspace) {
    return (
      <Page title="Workspace">
        {error ? (
          <ErrorNote error={error} onRetry={() => void refetch()} />
        ) : data ? (
          <Note>There is no such workspace.</Note>
        ) : (
          <Loading />
        )}
      </Page>
    );
  }
  const mayWrite = may("workspaces.write");
  return (
    <Page
      title={workspace.name}
      about={<span className="mono">{workspace.slug}</span>}
      actions={
        mayWrite && place > 0 ? (
          <Button kind="danger" onClick={() => ask(true)}>
            Delete
          </Button>
        ) : null
      }
    >
      <div className="columns">
        <Settings key={workspace.updated_at} of={workspace} mayWrite={mayWrite} />
        <div className="stack">
          {may("budgets.read") ? <Budgets of={workspace} /> : null}
          <Members of={workspace} isDefault={place === 0} mayWrite={may("members.write")} />
        </div>
      </div>
      {isAsked ? <DeleteDialog of={workspace} onClose={() => ask(false)} /> : null}
    </Page>
  );
}
