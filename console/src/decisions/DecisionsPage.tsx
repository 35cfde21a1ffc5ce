import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";

import { TenantLink } from "~/operator/TenantLink";
import { TenantField } from "~/operator/TenantPicker";
import { Ago } from "~/ui/Ago";
import { Button, ButtonLink } from "~/ui/Button";
import { TextField } from "~/ui/Field";
import { Badge, Empty } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { PagedTable } from "~/ui/PagedTable";
import type { Column } from "~/ui/Table";

import { type DecisionsSearch, SEARCHED, type Summary, decisionsQuery, decisionsSearch } from "./decisions";

const route = getRouteApi("/inside/operator/decisions");

const TYPED = ["model", "provider", "since"] as const;
const FIELDS: Record<(typeof TYPED)[number], { label: string; hint: string }> = {
  model: { label: "Model", hint: "author/name" },
  provider: { label: "Provider", hint: "slug" },
  since: { label: "Since", hint: "2026-11-26T00:00:00Z" },
};

const GENERATION = /^gen-[0-9a-f]+$/i;

const COLUMNS: Column<Summary>[] = [
  {
    id: "at",
    head: "When",
    width: "140px",
    cell: (one) => <Ago of={one.at} />,
  },
  {
    id: "generation",
    head: "Generation",
    width: "minmax(330px, 2fr)",
    cell: (one) => (
      <Link
        to="/operator/decisions/$generation"
        params={{ generation: one.generation_id }}
        className="mono cut"
      >
        {one.generation_id}
      </Link>
    ),
  },
  {
    id: "model",
    head: "Model",
    width: "minmax(210px, 2fr)",
    cell: (one) => <span className="cut">{one.model ?? "–"}</span>,
  },
  {
    id: "provider",
    head: "First choice",
    width: "minmax(140px, 1fr)",
    cell: (one) =>
      one.refused === null || one.refused === undefined ? (
        (one.provider ?? "–")
      ) : (
        <Badge tone="bad">refused</Badge>
      ),
  },
  {
    id: "tenant",
    head: "Tenant",
    width: "minmax(150px, 1fr)",
    cell: (one) => <TenantLink id={one.tenant_id} />,
  },
  {
    id: "version",
    head: "Catalogue",
    width: "100px",
    align: "right",
    cell: (one) => one.catalogue_version,
  },
];

function Search({
  search,
  onSearch,
}: {
  search: DecisionsSearch;
  onSearch: (search: DecisionsSearch) => void;
}) {
  const [form, setForm] = useState(search);
  function submit(event: FormEvent): void {
    event.preventDefault();
    onSearch(decisionsSearch({ ...form }));
  }
  return (
    <form className="form" onSubmit={submit}>
      <div className="input-row">
        <TenantField
          label="Tenant"
          placeholder="any"
          value={form.tenant}
          onChange={(tenant) => setForm({ ...form, tenant })}
        />
        {TYPED.map((name) => (
          <TextField
            key={name}
            label={FIELDS[name].label}
            placeholder={FIELDS[name].hint}
            value={form[name] ?? ""}
            onChange={(event) => setForm({ ...form, [name]: event.target.value })}
          />
        ))}
      </div>
      <div className="form-actions">
        <Button kind="primary" type="submit">
          Search
        </Button>
        {SEARCHED.some((name) => search[name] !== undefined) ? (
          <Button kind="quiet" onClick={() => onSearch({})}>
            Show all
          </Button>
        ) : null}
      </div>
    </form>
  );
}

/** Leads to the one decision of a generation. */
function Find() {
  const navigate = route.useNavigate();
  const [id, setId] = useState("");
  const [error, setError] = useState<string | null>(null);
  function submit(event: FormEvent): void {
    event.preventDefault();
    const generation = id.trim();
    if (!GENERATION.test(generation)) setError("A generation's id begins with gen-.");
    else void navigate({ to: "/operator/decisions/$generation", params: { generation } });
  }
  return (
    <form className="bar" onSubmit={submit} role="search">
      <input
        type="search"
        className="input grow"
        placeholder="A generation's id: gen-… (press /)"
        aria-label="A generation's id"
        aria-invalid={error === null ? undefined : true}
        value={id}
        onChange={(event) => {
          setId(event.target.value);
          setError(null);
        }}
      />
      <Button type="submit">Explain it</Button>
      {error === null ? null : <span className="field-error">{error}</span>}
    </form>
  );
}

export function DecisionsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const list = useInfiniteQuery(decisionsQuery(search));
  const isSearched = SEARCHED.some((name) => search[name] !== undefined);
  return (
    <Page
      title="Decisions"
      about="Who was chosen to serve each request, and why; kept as long as the configuration says, never with what was asked."
      actions={
        <>
          <ButtonLink to="/operator/explain">Explain a request</ButtonLink>
          <ButtonLink kind="primary" to="/operator/replay">
            Replay with other rules
          </ButtonLink>
        </>
      }
    >
      <Find />
      <Search
        key={JSON.stringify(search)}
        search={search}
        onSearch={(next) => void navigate({ search: next })}
      />
      <PagedTable
        list={list}
        label="Decisions"
        columns={COLUMNS}
        rowKey={(one) => one.generation_id}
        empty={
          <Empty
            title={isSearched ? "No decision meets all of these" : "No decision is kept"}
            action={
              isSearched ? <Button onClick={() => void navigate({ search: {} })}>Show all</Button> : null
            }
          >
            Each request makes one; the configuration says what share of them is kept, and for how long.
          </Empty>
        }
      />
    </Page>
  );
}
