import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import { admin, answer } from "~/api/client";
import { useOnce } from "~/api/once";
import { exactUsd, nanoOf } from "~/format/money";
import { date } from "~/format/time";
import { Button } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { SelectField, TextField } from "~/ui/Field";
import { Badge } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { PagedTable } from "~/ui/PagedTable";
import { SearchBox } from "~/ui/SearchBox";
import type { Column } from "~/ui/Table";
import { useSettled } from "~/ui/settled";
import { slugOf } from "~/workspaces/slug";

import { plansQuery } from "./plans";
import { type Tenant, tenantsKey, tenantsQuery } from "./tenants";

const route = getRouteApi("/inside/operator/tenants");

function Balance({ of }: { of: Tenant }) {
  const isOwed = (nanoOf(of.balance ?? "") ?? 0n) < 0n;
  return <span className={isOwed && !of.is_postpaid ? "bad-text" : undefined}>{exactUsd(of.balance)}</span>;
}

const COLUMNS: Column<Tenant>[] = [
  {
    id: "name",
    head: "Tenant",
    width: "minmax(220px, 2fr)",
    cell: (one) => (
      <div className="stack-tight">
        <span className="bar">
          <Link to="/operator/tenants/$id" params={{ id: one.id }}>
            {one.name}
          </Link>
          {one.erased_at ? <Badge tone="bad">erased</Badge> : null}
        </span>
        <span className="soft mono cut">{one.slug}</span>
      </div>
    ),
  },
  {
    id: "plan",
    head: "Plan",
    width: "minmax(130px, 1fr)",
    cell: (one) =>
      one.plan ? (
        <Link to="/operator/plans/$name" params={{ name: one.plan }} className="cut">
          {one.plan}
        </Link>
      ) : (
        <span className="soft">–</span>
      ),
  },
  {
    id: "payment",
    head: "Pays",
    width: "115px",
    cell: (one) =>
      one.is_postpaid === true ? (
        <Badge tone="accent">postpaid</Badge>
      ) : one.is_postpaid === false ? (
        <span className="soft">prepaid</span>
      ) : (
        <span className="soft">–</span>
      ),
  },
  {
    id: "balance",
    head: "Balance",
    width: "150px",
    align: "right",
    cell: (one) => <Balance of={one} />,
  },
  {
    id: "made",
    head: "Made",
    width: "120px",
    cell: (one) => date(one.created_at),
  },
  {
    id: "id",
    head: "Id",
    width: "minmax(150px, 1fr)",
    cell: (one) => (
      <span className="mono cut" title={one.id}>
        {one.id}
      </span>
    ),
  },
];

function NewTenantDialog({ onClose }: { onClose: () => void }) {
  const { data: plans } = useQuery(plansQuery);
  const [name, setName] = useState("");
  const [slug, setSlug] = useState<string | null>(null);
  const [plan, setPlan] = useState("");
  const [owner, setOwner] = useState("");
  const once = useOnce();
  const shown = slug ?? slugOf(name);
  async function submit(): Promise<void> {
    const body = {
      name: name.trim(),
      slug: shown,
      ...(plan ? { plan } : {}),
      ...(owner.trim() ? { owner: owner.trim() } : {}),
    };
    await answer(admin.POST("/tenants", { params: { header: once(body) }, body }));
  }
  return (
    <FormDialog title="New tenant" action="Create" onClose={onClose} changes={[tenantsKey]} onSubmit={submit}>
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
      <TextField
        label="Owner"
        hint="Whose e-mail address; they are invited by mail. Empty = nobody yet."
        type="email"
        value={owner}
        onChange={(event) => setOwner(event.target.value)}
      />
    </FormDialog>
  );
}

export function TenantsPage() {
  const { q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const list = useInfiniteQuery(tenantsQuery(useSettled(q.trim())));
  const [isAsked, ask] = useState(false);
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
        <SearchBox
          placeholder="Name, slug or beginning of an id (press /)"
          aria-label="Search tenants"
          value={q}
          onSearch={(text) => void navigate({ search: { q: text || undefined }, replace: true })}
        />
      </div>
      <PagedTable
        list={list}
        label="Tenants"
        more="Show more"
        columns={COLUMNS}
        rowKey={(one) => one.id}
        rowHeight={60}
        empty={<p className="soft">No tenant is called that.</p>}
      />
      {isAsked ? <NewTenantDialog onClose={() => ask(false)} /> : null}
    </Page>
  );
}
