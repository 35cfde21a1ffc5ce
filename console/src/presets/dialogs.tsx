// What is asked of a preset.

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api } from "~/api/client";
import { Ago } from "~/ui/Ago";
import { CodeBlock } from "~/ui/Copy";
import { Dialog, FormDialog } from "~/ui/Dialog";
import { SelectField, TextArea, TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { Badge, ErrorNote, Loading } from "~/ui/Note";

import {
  type Draft,
  EMPTY,
  type Preset,
  type Status,
  bodyOf,
  draftOf,
  inWorkspace,
  versionsQuery,
} from "./presets";

interface Asked {
  workspace: string | undefined;
  onClose: () => void;
}

/** A further version of a preset, or a new one, as the form that makes it. */
function VersionForm({ of, begin, workspace, onClose }: Asked & { of: string | null; begin: Draft }) {
  const [slug, setSlug] = useState(of ?? "");
  const { form: draft, field } = useForm(begin);
  async function submit(): Promise<void> {
    await answer(
      api.POST("/presets/{slug}/chat/completions", {
        params: { path: { slug }, query: inWorkspace(workspace) },
        body: bodyOf(draft),
      }),
    );
  }
  return (
    <FormDialog
      title={of ? `New version of ${of}` : "New preset"}
      action="Keep it"
      onClose={onClose}
      changes={[["presets"]]}
      onSubmit={submit}
    >
      {of ? null : (
        <TextField
          label="Slug"
          hint="a-z, 0-9, - and _; requests say @preset/slug."
          pattern="[a-z0-9_\-]{1,64}"
          required
          autoFocus
          value={slug}
          onChange={(event) => setSlug(event.target.value)}
        />
      )}
      <TextField label="Model" placeholder="the request's" {...field("model")} />
      <TextArea label="System prompt" rows={5} {...field("system")} />
      <TextArea
        label="Other members of a request, as JSON"
        isCode
        rows={4}
        placeholder='{"temperature": 0.3, "provider": {"sort": "price"}}'
        {...field("more")}
      />
    </FormDialog>
  );
}

/** Begins with what the version in force says. */
export function VersionDialog({ of, ...asked }: Asked & { of: string | null }) {
  const { data, error, refetch } = useQuery({
    ...versionsQuery(asked.workspace, of ?? ""),
    enabled: of !== null,
  });
  if (of === null) return <VersionForm of={null} begin={EMPTY} {...asked} />;
  const newest = data?.at(-1);
  if (newest) return <VersionForm of={of} begin={draftOf(newest)} {...asked} />;
  return (
    <Dialog open title={`New version of ${of}`} onClose={asked.onClose}>
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : <Loading />}
    </Dialog>
  );
}

export function VersionsDialog({ of, workspace, onClose }: Asked & { of: Preset }) {
  const { data, error, refetch } = useQuery(versionsQuery(workspace, of.slug));
  return (
    <Dialog open size="wide" title={`Versions of ${of.slug}`} onClose={onClose}>
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {data ? (
        data.toReversed().map((version, place) => (
          <section className="stack" key={version.id}>
            <h3>
              Version {version.version} {place === 0 ? <Badge tone="good">in force</Badge> : null}{" "}
              <span className="soft">
                <Ago of={version.created_at} />
              </span>
            </h3>
            {version.system_prompt ? <CodeBlock label="System prompt" code={version.system_prompt} /> : null}
            <CodeBlock label="Configuration" code={JSON.stringify(version.config, null, 2)} />
          </section>
        ))
      ) : error ? null : (
        <Loading />
      )}
    </Dialog>
  );
}

const STATES: { value: Status; label: string }[] = [
  { value: "active", label: "Active: requests may name it" },
  { value: "disabled", label: "Disabled: requests that name it are refused" },
  { value: "archived", label: "Archived: as disabled, for good" },
];

export function ChangeDialog({ of, workspace, onClose }: Asked & { of: Preset }) {
  const { form, field } = useForm({
    name: of.name,
    description: of.description ?? "",
    status: of.status as Status,
  });
  async function submit(): Promise<void> {
    await answer(
      api.PATCH("/presets/{slug}", {
        params: { path: { slug: of.slug }, query: inWorkspace(workspace) },
        body: { ...form, description: form.description || null },
      }),
    );
  }
  return (
    <FormDialog
      title={`Change ${of.slug}`}
      action="Change"
      onClose={onClose}
      changes={[["presets"]]}
      onSubmit={submit}
    >
      <TextField label="Name" required maxLength={200} {...field("name")} />
      <TextArea label="Description" rows={3} maxLength={1000} {...field("description")} />
      <SelectField label="State" options={STATES} {...field("status")} />
    </FormDialog>
  );
}

export function DeleteDialog({ of, workspace, onClose }: Asked & { of: Preset }) {
  async function submit(): Promise<void> {
    await answer(
      api.DELETE("/presets/{slug}", {
        params: { path: { slug: of.slug }, query: inWorkspace(workspace) },
      }),
    );
  }
  return (
    <FormDialog
      title={`Delete @preset/${of.slug}?`}
      kind="danger"
      action="Delete"
      onClose={onClose}
      changes={[["presets"]]}
      onSubmit={submit}
    >
      <p>Its versions go with it, and requests that name it are refused.</p>
    </FormDialog>
  );
}
