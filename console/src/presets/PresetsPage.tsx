// Presets are made, read and used with a key of their workspace: the session cannot ask for them.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { type Schemas, answer, api } from "~/api/client";
import { wholeList } from "~/api/pages";
import { ago } from "~/format/time";
import { KeyGate } from "~/playground/KeyGate";
import { usePlaygroundKey } from "~/playground/key";
import { useSession } from "~/session/session";
import { Button } from "~/ui/Button";
import { CodeBlock } from "~/ui/Copy";
import { Dialog, FormDialog } from "~/ui/Dialog";
import { TextArea, TextField } from "~/ui/Field";
import { Badge, Empty, ErrorNote, Loading } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { type Column, Table } from "~/ui/Table";

type Preset = Schemas["Preset"];

const withKey = (secret: string) => ({
  headers: { authorization: `Bearer ${secret}` },
  credentials: "omit" as const,
});
/** Refusals are about the key, and do not end the session. */
const ofKey = { meta: { isOfKey: true } };

function PresetDialog({ secret, of, onClose }: { secret: string; of: string | null; onClose: () => void }) {
  const queries = useQueryClient();
  const [slug, setSlug] = useState(of ?? "");
  const [model, setModel] = useState("");
  const [system, setSystem] = useState("");
  const [more, setMore] = useState("");
  async function submit(): Promise<void> {
    const others = more.trim() === "" ? {} : (JSON.parse(more) as Record<string, unknown>);
    const messages = system.trim() === "" ? {} : { messages: [{ role: "system", content: system }] };
    const body = { ...others, ...(model.trim() === "" ? {} : { model: model.trim() }), ...messages };
    await answer(
      api.POST("/presets/{slug}/chat/completions", { params: { path: { slug } }, body, ...withKey(secret) }),
    );
    await queries.invalidateQueries({ queryKey: ["presets"] });
  }
  return (
    <FormDialog
      open
      title={of ? `New version of ${of}` : "New preset"}
      action="Keep it"
      onClose={onClose}
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
      <TextField
        label="Model"
        placeholder="the request's"
        value={model}
        onChange={(event) => setModel(event.target.value)}
      />
      <TextArea
        label="System prompt"
        rows={5}
        value={system}
        onChange={(event) => setSystem(event.target.value)}
      />
      <TextArea
        label="Other members of a request, as JSON"
        isCode
        rows={4}
        placeholder='{"temperature": 0.3, "provider": {"sort": "price"}}'
        value={more}
        onChange={(event) => setMore(event.target.value)}
      />
    </FormDialog>
  );
}

function VersionsDialog({ secret, slug, onClose }: { secret: string; slug: string; onClose: () => void }) {
  const { data, error } = useQuery({
    queryKey: ["presets", secret, slug],
    queryFn: () =>
      wholeList((query) =>
        answer(
          api.GET("/presets/{slug}/versions", { params: { path: { slug }, query }, ...withKey(secret) }),
        ),
      ),
    ...ofKey,
  });
  return (
    <Dialog open size="wide" title={`Versions of ${slug}`} onClose={onClose}>
      {error ? <ErrorNote error={error} /> : null}
      {data ? (
        data.toReversed().map((version, place) => (
          <section className="stack" key={version.id}>
            <h3>
              Version {version.version} {place === 0 ? <Badge tone="good">in force</Badge> : null}{" "}
              <span className="soft">{ago(version.created_at)}</span>
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

type Asked = { what: "new"; slug: string | null } | { what: "versions"; slug: string } | null;

function Presets({ secret, asked, ask }: { secret: string; asked: Asked; ask: (what: Asked) => void }) {
  const { data, error, refetch } = useQuery({
    queryKey: ["presets", secret],
    queryFn: () =>
      wholeList((query) => answer(api.GET("/presets", { params: { query }, ...withKey(secret) }))),
    ...ofKey,
  });
  const columns: Column<Preset>[] = [
    {
      id: "slug",
      head: "Preset",
      width: "minmax(200px, 2fr)",
      value: (one) => one.slug,
      cell: (one) => (
        <button type="button" className="link mono" onClick={() => ask({ what: "versions", slug: one.slug })}>
          @preset/{one.slug}
        </button>
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
      cell: (one) => ago(one.updated_at),
    },
    {
      id: "do",
      head: <span className="visually-hidden">Actions</span>,
      width: "140px",
      cell: (one) => (
        <Button size="small" onClick={() => ask({ what: "new", slug: one.slug })}>
          New version
        </Button>
      ),
    },
  ];
  return (
    <>
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {data ? (
        <Table
          label="Presets"
          rows={data}
          columns={columns}
          rowKey={(one) => one.id}
          empty={
            <Empty
              title="No presets in the key's workspace"
              action={<Button onClick={() => ask({ what: "new", slug: null })}>New preset</Button>}
            >
              A preset holds a model, a system prompt and settings under a name that requests refer to.
            </Empty>
          }
        />
      ) : error ? null : (
        <Loading />
      )}
      {asked?.what === "new" ? (
        <PresetDialog secret={secret} of={asked.slug} onClose={() => ask(null)} />
      ) : null}
      {asked?.what === "versions" ? (
        <VersionsDialog secret={secret} slug={asked.slug} onClose={() => ask(null)} />
      ) : null}
    </>
  );
}

export function PresetsPage() {
  const hasKey = usePlaygroundKey(useSession().organization?.id ?? "") !== null;
  const [asked, ask] = useState<Asked>(null);
  return (
    <Page
      title="Presets"
      about="Settings under a name: models, providers, a system prompt, parameters, tools. A request that names one takes over what it does not say itself."
      actions={
        hasKey ? (
          <Button kind="primary" onClick={() => ask({ what: "new", slug: null })}>
            New preset
          </Button>
        ) : null
      }
    >
      <KeyGate why="Presets belong to a workspace and are read with a key of it.">
        {(secret) => <Presets secret={secret} asked={asked} ask={ask} />}
      </KeyGate>
    </Page>
  );
}
