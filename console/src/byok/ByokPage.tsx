import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import { type Schemas, answer, api, document } from "~/api/client";
import { wholeList } from "~/api/pages";
import { date } from "~/format/time";
import { useMay } from "~/session/session";
import { Button, type ButtonKind } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { CheckField, SelectField, TextArea, TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { RowMenu } from "~/ui/Menu";
import { Badge, Empty, ErrorNote } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { ListTable } from "~/ui/PagedTable";
import { ACTIONS, type Column } from "~/ui/Table";
import { complain } from "~/ui/toast";
import { WorkspacePicker } from "~/workspaces/WorkspacePicker";

type Credential = Schemas["ByokKey"];
type Changes = Schemas["UpdateByokKey"];

const route = getRouteApi("/inside/byok");

const providersQuery = {
  queryKey: ["providers"],
  queryFn: async () =>
    (await document<{ data: { slug: string; name: string }[] }>(api.GET("/providers"))).data,
  staleTime: 300_000,
};

const USES = [
  { value: "first", label: "before the platform's endpoints" },
  { value: "fallback", label: "after the platform's endpoints" },
  { value: "required", label: "instead of the platform's endpoints, for the models that it serves" },
  { value: "only", label: "instead of the platform's endpoints, for every model" },
];

function wayOf(one: Credential): string {
  if (one.is_byok_only) return "only";
  if (one.is_required) return "required";
  return one.is_fallback ? "fallback" : "first";
}

const wordsOf = (text: string): string[] | null => {
  const words = text.split(/[\s,]+/).filter(Boolean);
  return words.length === 0 ? null : words;
};

function CredentialDialog({
  of,
  workspace,
  onClose,
}: {
  of: Credential | null;
  workspace: string | undefined;
  onClose: () => void;
}) {
  const { data: providers, error: unlisted, refetch } = useQuery(providersQuery);
  const { form, field, check } = useForm({
    provider: of?.provider ?? "",
    name: of?.name ?? "",
    key: "",
    use: of ? wayOf(of) : "first",
    models: (of?.allowed_models ?? []).join("\n"),
    everywhere: false,
  });
  const settings = {
    name: form.name.trim() || null,
    is_fallback: form.use === "fallback",
    is_required: form.use === "required",
    is_byok_only: form.use === "only",
    allowed_models: wordsOf(form.models),
  };
  async function submit(): Promise<void> {
    if (of) {
      const body: Changes = { ...settings, ...(form.key.trim() ? { key: form.key.trim() } : {}) };
      await answer(api.PATCH("/byok/{id}", { params: { path: { id: of.id } }, body }));
    } else {
      const place = form.everywhere ? { workspace_id: null } : workspace ? { workspace_id: workspace } : {};
      await answer(
        api.POST("/byok", { body: { ...settings, provider: form.provider, key: form.key.trim(), ...place } }),
      );
    }
  }
  return (
    <FormDialog
      title={of ? `Change the key for ${of.provider}` : "New provider key"}
      action={of ? "Save" : "Keep it"}
      onClose={onClose}
      changes={[["byok"]]}
      onSubmit={submit}
    >
      {unlisted && !of ? <ErrorNote error={unlisted} onRetry={() => void refetch()} /> : null}
      {of ? null : (
        <SelectField
          label="Provider"
          required
          options={[
            { value: "", label: "Choose…" },
            ...(providers ?? []).map((one) => ({ value: one.slug, label: one.name })),
          ]}
          {...field("provider")}
        />
      )}
      <TextField label="Name" {...field("name")} />
      <TextArea
        label={of ? "Another key" : "Key"}
        hint={
          of
            ? `Empty leaves ${of.label} as it is.`
            : "As the provider gave it, or a JSON object where it needs more. It is sealed and never shown again."
        }
        isCode
        autoComplete="off"
        required={!of}
        rows={3}
        {...field("key")}
      />
      <SelectField label="Is used" options={USES} {...field("use")} />
      <TextArea
        label="Only for these models"
        hint="One a line. Empty: for all."
        isCode
        rows={2}
        {...field("models")}
      />
      {of ? null : <CheckField label="In every workspace" {...check("everywhere")} />}
    </FormDialog>
  );
}

function DeleteDialog({ of, onClose }: { of: Credential; onClose: () => void }) {
  async function submit(): Promise<void> {
    await answer(api.DELETE("/byok/{id}", { params: { path: { id: of.id } } }));
  }
  return (
    <FormDialog
      title={`Delete the key for ${of.provider}?`}
      kind="danger"
      action="Delete"
      onClose={onClose}
      changes={[["byok"]]}
      onSubmit={submit}
    >
      <p>{of.label} and what is sealed of it are gone then.</p>
    </FormDialog>
  );
}

export function ByokPage() {
  const { workspace } = route.useSearch();
  const navigate = route.useNavigate();
  const queries = useQueryClient();
  const mayWrite = useMay()("byok.write");
  const [asked, ask] = useState<{ what: "new" } | { what: "change" | "delete"; one: Credential } | null>(
    null,
  );
  const list = useQuery({
    queryKey: ["byok", workspace],
    queryFn: () =>
      wholeList((query) =>
        answer(
          api.GET("/byok", {
            params: { query: { ...query, ...(workspace ? { workspace_id: workspace } : {}) } },
          }),
        ),
      ),
  });
  const toggle = useMutation({
    mutationFn: (one: Credential) =>
      answer(
        api.PATCH("/byok/{id}", { params: { path: { id: one.id } }, body: { disabled: !one.disabled } }),
      ),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["byok"] }),
    onError: complain,
  });
  const create = (kind: ButtonKind) =>
    mayWrite ? (
      <Button kind={kind} onClick={() => ask({ what: "new" })}>
        New provider key
      </Button>
    ) : null;
  const columns: Column<Credential>[] = [
    {
      id: "provider",
      head: "Provider",
      width: "minmax(180px, 2fr)",
      value: (one) => one.provider,
      cell: (one) => (
        <div className="stack-tight">
          <span>{one.name ?? one.provider}</span>
          <span className="soft mono cut">
            {one.provider} · {one.label}
          </span>
        </div>
      ),
    },
    {
      id: "state",
      head: "State",
      width: "110px",
      value: (one) => Number(one.disabled),
      cell: (one) => (one.disabled ? <Badge>disabled</Badge> : <Badge tone="good">in use</Badge>),
    },
    {
      id: "use",
      head: "Is used",
      width: "minmax(200px, 2fr)",
      value: wayOf,
      cell: (one) => USES.find((use) => use.value === wayOf(one))?.label,
    },
    {
      id: "models",
      head: "Models",
      width: "120px",
      cell: (one) =>
        one.allowed_models ? (
          <span title={one.allowed_models.join(", ")}>{one.allowed_models.length}</span>
        ) : (
          "all"
        ),
    },
    {
      id: "scope",
      head: "Where",
      width: "140px",
      cell: (one) => (one.workspace_id ? "this workspace" : "every workspace"),
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
      width: "56px",
      cell: (one) =>
        mayWrite ? (
          <RowMenu
            label={`Actions of ${one.name ?? one.provider}`}
            actions={[
              { label: "Change…", onSelect: () => ask({ what: "change", one }) },
              { label: one.disabled ? "Enable" : "Disable", onSelect: () => toggle.mutate(one) },
              { label: "Delete…", tone: "bad", onSelect: () => ask({ what: "delete", one }) },
            ]}
          />
        ) : null,
    },
  ];
  return (
    <Page
      title="Own provider keys"
      about="Your own accounts at providers. They are paid there; here you pay a small part of the list price beyond a monthly allowance."
      actions={create("primary")}
    >
      <WorkspacePicker value={workspace} onChange={(id) => void navigate({ search: { workspace: id } })} />
      <ListTable
        label="Own provider keys"
        list={list}
        columns={columns}
        rowKey={(one) => one.id}
        rowHeight={60}
        empty={
          <Empty title="No provider keys of your own" action={create("plain")}>
            Requests are served by the platform&apos;s accounts. With a key of yours they are served by your
            own first.
          </Empty>
        }
      />
      {asked?.what === "new" || asked?.what === "change" ? (
        <CredentialDialog
          of={asked.what === "change" ? asked.one : null}
          workspace={workspace}
          onClose={() => ask(null)}
        />
      ) : null}
      {asked?.what === "delete" ? <DeleteDialog of={asked.one} onClose={() => ask(null)} /> : null}
    </Page>
  );
}
