import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import { type Schemas, answer, api } from "~/api/client";
import { wholeList } from "~/api/pages";
import { percent } from "~/format/number";
import { useMay } from "~/session/session";
import { Ago } from "~/ui/Ago";
import { Button, type ButtonKind } from "~/ui/Button";
import { Dialog, FormDialog } from "~/ui/Dialog";
import { CheckField, SelectField, TextArea, TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { RowMenu } from "~/ui/Menu";
import { Badge, Empty, ErrorNote, Loading } from "~/ui/Note";
import { Page, Scroll } from "~/ui/Page";
import { ListTable } from "~/ui/PagedTable";
import { ACTIONS, type Column } from "~/ui/Table";
import { complain, say } from "~/ui/toast";
import { WorkspacePicker } from "~/workspaces/WorkspacePicker";

type Destination = Schemas["ObservabilityDestination"];

const route = getRouteApi("/inside/destinations");

interface Member {
  name: string;
  label: string;
  isSecret?: boolean;
  isOptional?: boolean;
}

/** What each type has to know. */
const TYPES: Record<string, { label: string; members: Member[] }> = {
  webhook: { label: "Webhook", members: [{ name: "url", label: "URL" }] },
  "otel-collector": { label: "OpenTelemetry collector", members: [{ name: "endpoint", label: "Endpoint" }] },
  langfuse: {
    label: "Langfuse",
    members: [
      { name: "baseUrl", label: "Base URL", isOptional: true },
      { name: "publicKey", label: "Public key" },
      { name: "secretKey", label: "Secret key", isSecret: true },
    ],
  },
  s3: {
    label: "S3",
    members: [
      { name: "bucketName", label: "Bucket" },
      { name: "region", label: "Region", isOptional: true },
      { name: "endpoint", label: "Endpoint", isOptional: true },
      { name: "prefix", label: "Prefix", isOptional: true },
      { name: "accessKeyId", label: "Access key id" },
      { name: "secretAccessKey", label: "Secret access key", isSecret: true },
    ],
  },
};

const nameOf = (one: Destination): string => one.name ?? TYPES[one.type]?.label ?? one.type;

function DestinationDialog({
  of,
  workspace,
  onClose,
}: {
  of: Destination | null;
  workspace: string | undefined;
  onClose: () => void;
}) {
  const [type, setType] = useState(of?.type ?? "otel-collector");
  const kept = (of?.config ?? {}) as Record<string, unknown>;
  const [config, setConfig] = useState<Record<string, string>>(
    () =>
      Object.fromEntries(Object.entries(kept).filter(([, value]) => typeof value === "string")) as Record<
        string,
        string
      >,
  );
  const [headers, setHeaders] = useState(kept["headers"] ? JSON.stringify(kept["headers"], null, 2) : "");
  const { form, field, check } = useForm({
    name: of?.name ?? "",
    sampling: String(of?.sampling_rate ?? 1),
    isPrivate: of?.privacy_mode ?? true,
  });
  const members = TYPES[type]?.members ?? [];
  async function submit(): Promise<void> {
    const sampling = Number(form.sampling);
    if (!(sampling > 0 && sampling <= 1)) throw new Error("The share is above 0 and at most 1.");
    const filled = Object.fromEntries(
      members.flatMap(({ name }) => (config[name]?.trim() ? [[name, config[name].trim()]] : [])),
    );
    const whole: Record<string, never> = {
      ...filled,
      ...(headers.trim() ? { headers: JSON.parse(headers) } : {}),
    } as Record<string, never>;
    const common = {
      name: form.name.trim() || null,
      sampling_rate: sampling,
      privacy_mode: form.isPrivate,
      config: whole,
    };
    if (of)
      await answer(
        api.PATCH("/observability/destinations/{id}", { params: { path: { id: of.id } }, body: common }),
      );
    else
      await answer(
        api.POST("/observability/destinations", {
          body: { ...common, type, ...(workspace ? { workspace_id: workspace } : {}) },
        }),
      );
  }
  return (
    <FormDialog
      title={of ? `Change ${nameOf(of)}` : "New destination"}
      action={of ? "Save and try it" : "Try it and keep it"}
      onClose={onClose}
      changes={[["destinations"]]}
      onSubmit={submit}
    >
      {of ? null : (
        <SelectField
          label="Type"
          options={Object.entries(TYPES).map(([value, { label }]) => ({ value, label }))}
          value={type}
          onChange={(event) => setType(event.target.value)}
        />
      )}
      <TextField label="Name" {...field("name")} />
      {members.map((member) => (
        <TextField
          key={member.name}
          label={member.label}
          autoComplete="off"
          required={!member.isOptional}
          {...(member.isSecret && of ? { hint: "Left as it is, the secret stays." } : {})}
          value={config[member.name] ?? ""}
          onChange={(event) => setConfig({ ...config, [member.name]: event.target.value })}
        />
      ))}
      <TextArea
        label="Headers, as JSON"
        isCode
        rows={2}
        placeholder='{"authorization": "…"}'
        value={headers}
        onChange={(event) => setHeaders(event.target.value)}
      />
      <TextField
        label="Share of sessions that is sent"
        hint="0.0001 to 1"
        required
        inputMode="decimal"
        {...field("sampling")}
      />
      <CheckField label="Without requests and answers" {...check("isPrivate")} />
    </FormDialog>
  );
}

function DeleteDialog({ of, onClose }: { of: Destination; onClose: () => void }) {
  const submit = () =>
    answer(api.DELETE("/observability/destinations/{id}", { params: { path: { id: of.id } } }));
  return (
    <FormDialog
      title={`Delete ${nameOf(of)}?`}
      kind="danger"
      action="Delete"
      onClose={onClose}
      changes={[["destinations"]]}
      onSubmit={submit}
    >
      <p>Nothing is sent there any more. This cannot be taken back.</p>
    </FormDialog>
  );
}

function FailuresDialog({
  of,
  mayWrite,
  onClose,
}: {
  of: Destination;
  mayWrite: boolean;
  onClose: () => void;
}) {
  const queries = useQueryClient();
  const path = { id: of.id };
  const { data, error, refetch } = useQuery({
    queryKey: ["destinations", of.id, "failures"],
    queryFn: () =>
      answer(
        api.GET("/observability/destinations/{id}/failures", { params: { path, query: { limit: 100 } } }),
      ),
  });
  const retry = useMutation({
    mutationFn: () =>
      answer(api.POST("/observability/destinations/{id}/retry", { params: { path }, body: {} })),
    onSuccess: async ({ data: { retried } }) => {
      await queries.invalidateQueries({ queryKey: ["destinations", of.id] });
      say(`${retried} traces are tried again.`);
    },
    onError: complain,
  });
  return (
    <Dialog open size="wide" title={`What ${nameOf(of)} did not take`} onClose={onClose}>
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {data ? (
        <>
          <p>
            {data.waiting_count} traces wait, {data.total_count} were given up.
          </p>
          {data.total_count > 0 && mayWrite ? (
            <div>
              <Button busy={retry.isPending} onClick={() => retry.mutate()}>
                Try all of them again
              </Button>
            </div>
          ) : null}
          <Scroll label="What failed">
            <table className="plain-table">
              <thead>
                <tr>
                  <th scope="col">When</th>
                  <th scope="col">Generation</th>
                  <th scope="col">Reason</th>
                </tr>
              </thead>
              <tbody>
                {data.data.map((one) => (
                  <tr key={one.generation_id}>
                    <td>
                      <Ago of={one.failed_at} />
                    </td>
                    <td className="mono">{one.generation_id}</td>
                    <td>{one.reason}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        </>
      ) : error ? null : (
        <Loading />
      )}
    </Dialog>
  );
}

export function DestinationsPage() {
  const { workspace } = route.useSearch();
  const navigate = route.useNavigate();
  const queries = useQueryClient();
  const mayWrite = useMay()("observability.write");
  const [asked, ask] = useState<
    { what: "new" } | { what: "change" | "failures" | "delete"; one: Destination } | null
  >(null);
  const list = useQuery({
    queryKey: ["destinations", workspace],
    queryFn: () =>
      wholeList((query) =>
        answer(
          api.GET("/observability/destinations", {
            params: { query: { ...query, ...(workspace ? { workspace_id: workspace } : {}) } },
          }),
        ),
      ),
  });
  const toggle = useMutation({
    mutationFn: (one: Destination) =>
      answer(
        api.PATCH("/observability/destinations/{id}", {
          params: { path: { id: one.id } },
          body: { enabled: !one.enabled },
        }),
      ),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["destinations"] }),
    onError: complain,
  });
  const create = (kind: ButtonKind) =>
    mayWrite ? (
      <Button kind={kind} onClick={() => ask({ what: "new" })}>
        New destination
      </Button>
    ) : null;
  const columns: Column<Destination>[] = [
    {
      id: "name",
      head: "Destination",
      width: "minmax(180px, 2fr)",
      value: nameOf,
      cell: nameOf,
    },
    { id: "type", head: "Type", width: "160px", value: (one) => one.type, cell: (one) => one.type },
    {
      id: "state",
      head: "State",
      width: "120px",
      value: (one) => Number(one.enabled),
      cell: (one) => (one.enabled ? <Badge tone="good">sends</Badge> : <Badge>disabled</Badge>),
    },
    {
      id: "share",
      head: "Share",
      width: "90px",
      align: "right",
      value: (one) => one.sampling_rate,
      cell: (one) => percent(one.sampling_rate, 0),
    },
    {
      id: "content",
      head: "Content",
      width: "150px",
      cell: (one) => (one.privacy_mode ? "without content" : <Badge tone="warn">with content</Badge>),
    },
    {
      id: "menu",
      head: ACTIONS,
      width: "56px",
      cell: (one) => (
        <RowMenu
          label={`Actions of ${nameOf(one)}`}
          actions={[
            { label: "What failed…", onSelect: () => ask({ what: "failures", one }) },
            ...(mayWrite
              ? [
                  { label: "Change…", onSelect: () => ask({ what: "change" as const, one }) },
                  { label: one.enabled ? "Disable" : "Enable", onSelect: () => toggle.mutate(one) },
                  {
                    label: "Delete…",
                    tone: "bad" as const,
                    onSelect: () => ask({ what: "delete" as const, one }),
                  },
                ]
              : []),
          ]}
        />
      ),
    },
  ];
  return (
    <Page
      title="Destinations"
      about="Where traces of a workspace's generations are sent, after they have settled and without holding any request up."
      actions={create("primary")}
    >
      <WorkspacePicker value={workspace} onChange={(id) => void navigate({ search: { workspace: id } })} />
      <ListTable
        label="Destinations"
        list={list}
        columns={columns}
        rowKey={(one) => one.id}
        empty={
          <Empty title="Nothing is sent anywhere" action={create("plain")}>
            Traces go to OpenTelemetry collectors, Langfuse, buckets and webhooks.
          </Empty>
        }
      />
      {asked?.what === "new" || asked?.what === "change" ? (
        <DestinationDialog
          of={asked.what === "change" ? asked.one : null}
          workspace={workspace}
          onClose={() => ask(null)}
        />
      ) : null}
      {asked?.what === "delete" ? <DeleteDialog of={asked.one} onClose={() => ask(null)} /> : null}
      {asked?.what === "failures" ? (
        <FailuresDialog of={asked.one} mayWrite={mayWrite} onClose={() => ask(null)} />
      ) : null}
    </Page>
  );
}
