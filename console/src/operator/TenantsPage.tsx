import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";

import { admin, answer } from "~/api/client";
import { date } from "~/format/time";
import { Button } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { SelectField, TextField } from "~/ui/Field";
import { ErrorNote, Loading } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { type Column, Table } from "~/ui/Table";
import { slugOf } from "~/workspaces/slug";

import { plansQuery } from "./plans";
import { type Tenant, tenantsQuery } from "./tenants";

const COLUMNS: Column<Tenant>[] = [
  {
    id: "name",
    head: "Tenant",
    width: "minmax(220px, 2fr)",
    value: (one) => one.name,
    cell: (one) => (
      <div className="stack-tight">
        <Link to="/operator/tenants/$id" params={{ id: one.id }}>
          {one.name}
        </Link>
        <span className="soft mono cut">{one.slug}</span>
      </div>
    ),
  },
  {
    id: "id",
    head: "Id",
    width: "minmax(300px, 2fr)",
    cell: (one) => <span className="mono cut">{one.id}</span>,
  },
  {
    id: "made",
    head: "Made",
    width: "130px",
    value: (one) => one.created_at,
    cell: (one) => date(one.created_at),
  },
];

function NewTenantDialog({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const { data: plans } = useQuery(plansQuery);
  const [name, setName] = useState("");
  const [slug, setSlug] = useState<string | null>(null);
  const [plan, setPlan] = useState("");
  const [once] = useState(() => crypto.randomUUID());
  const shown = slug ?? slugOf(name);
  async function submit(): Promise<void> {
    const body = { name: name.trim(), slug: shown, ...(plan ? { plan } : {}) };
    await answer(admin.POST("/tenants", { params: { header: { "Idempotency-Key": once } }, body }));
    await queries.invalidateQueries({ queryKey: ["operator", "tenants"] });
  }
  return (
    <FormDialog open title="New tenant" action="Create" onClose={onClose} onSubmit={submit}>
      <TextField
        label="Name"
        required
        autoFocus
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <TextField label="Slug" required value={shown} onChange={(event) => setSlug(event.target.value)} />
      <SelectField
        label="Plan"
        options={[
          { value: "", label: "the default plan" },
          ...(plans ?? []).map((one) => ({ value: one.name, label: one.name })),
        ]}
        value={plan}
        onChange={(event) => setPlan(event.target.value)}
      />
    </FormDialog>
  );
}

export function TenantsPage() {
  const { data, error, refetch } = useQuery(tenantsQuery);
  const [query, setQuery] = useState("");
  const [isAsked, ask] = useState(false);
  const shown = useMemo(
    () =>
      data?.filter((one) => `${one.name} ${one.slug} ${one.id}`.toLowerCase().includes(query.toLowerCase())),
    [data, query],
  );
  return (
    <Page
      isList
      title="Tenants"
      about="The organisations of this platform."
      actions={
        <Button kind="primary" onClick={() => ask(true)}>
          New tenant
        </Button>
      }
    >
      <div className="bar">
        <input
          type="search"
          className="input grow"
          placeholder="Search (press /)"
          aria-label="Search tenants"
          value={query}
          onChange={(event) => setQuery(event.target.value)}
        />
      </div>
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {shown ? (
        <Table
          label="Tenants"
          rows={shown}
          columns={COLUMNS}
          rowKey={(one) => one.id}
          rowHeight={60}
          empty={<p className="soft">No tenant is called that.</p>}
        />
      ) : error ? null : (
        <Loading />
      )}
      {isAsked ? <NewTenantDialog onClose={() => ask(false)} /> : null}
    </Page>
  );
}
