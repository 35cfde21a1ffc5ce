import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";

import { admin, document } from "~/api/client";
import { type Paged, pagedQuery } from "~/api/paged";
import { exactUsd } from "~/format/money";
import { dateTime } from "~/format/time";
import { Button } from "~/ui/Button";
import { TextField } from "~/ui/Field";
import { Badge, Empty } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { PagedTable } from "~/ui/PagedTable";
import type { Column } from "~/ui/Table";

import { TenantField } from "./TenantPicker";
import { FIELDS, type LedgerSearch } from "./ledger";

const route = getRouteApi("/inside/operator/ledger");

interface Account {
  account_id?: string;
  kind?: string;
  code?: string;
  tenant_id?: string;
}

/** A transfer as it is listed; the API's description leaves it open. */
interface Transfer {
  source_id: string;
  kind: string;
  leg: number;
  tenant_id: string;
  debit: Account;
  credit: Account;
  amount: string;
  posted_at: string;
  note: string | null;
  block: number | null;
}

const nameOf = (account: Account): string => account.code ?? account.kind ?? account.account_id ?? "–";

const COLUMNS: Column<Transfer>[] = [
  { id: "at", head: "Posted", width: "210px", cell: (one) => dateTime(one.posted_at) },
  { id: "kind", head: "Kind", width: "130px", cell: (one) => one.kind.replaceAll("_", " ") },
  {
    id: "debit",
    head: "Debit",
    width: "minmax(190px, 2fr)",
    cell: (one) => <span title={one.debit.account_id}>{nameOf(one.debit)}</span>,
  },
  {
    id: "credit",
    head: "Credit",
    width: "minmax(190px, 2fr)",
    cell: (one) => <span title={one.credit.account_id}>{nameOf(one.credit)}</span>,
  },
  { id: "amount", head: "Amount", width: "150px", align: "right", cell: (one) => exactUsd(one.amount) },
  {
    id: "source",
    head: "Source",
    width: "minmax(200px, 1fr)",
    cell: (one) => (
      <div className="stack-tight">
        <span className="mono">{one.source_id}</span>
        {one.note ? <span className="soft">{one.note}</span> : null}
      </div>
    ),
  },
  {
    id: "sealed",
    head: "Sealed",
    width: "110px",
    cell: (one) =>
      one.block === null ? <Badge>not yet</Badge> : <Badge tone="good">block {one.block}</Badge>,
  },
];

function Search({ search, onSearch }: { search: LedgerSearch; onSearch: (search: LedgerSearch) => void }) {
  const [form, setForm] = useState(search);
  function submit(event: FormEvent): void {
    event.preventDefault();
    onSearch(form);
  }
  return (
    <form className="form" onSubmit={submit}>
      <div className="input-row" data-of="many">
        <TenantField
          label="Tenant"
          placeholder="any"
          value={form.tenant}
          onChange={(tenant) => setForm({ ...form, tenant })}
        />
        {FIELDS.map(({ name, label, hint }) => (
          <TextField
            key={name}
            label={label}
            placeholder={hint}
            value={form[name] ?? ""}
            onChange={(event) => setForm({ ...form, [name]: event.target.value || undefined })}
          />
        ))}
      </div>
      <div className="form-actions">
        <Button kind="primary" type="submit">
          Search
        </Button>
      </div>
    </form>
  );
}

const ledgerQuery = (search: LedgerSearch) =>
  pagedQuery(["operator", "ledger", search], (paging) =>
    document<Paged<Transfer>>(admin.GET("/ledger", { params: { query: { ...search, ...paging } } })),
  );

export function LedgerPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const list = useInfiniteQuery(ledgerQuery(search));
  return (
    <Page
      isList
      title="Ledger"
      about="Every movement of money, newest first. Without a tenant, a source or a time it is the last day."
    >
      <Search search={search} onSearch={(next) => void navigate({ search: next })} />
      <PagedTable
        list={list}
        label="Transfers"
        columns={COLUMNS}
        rowKey={(one) => `${one.source_id} ${one.kind} ${one.leg}`}
        empty={<Empty title="No transfer meets all of these" />}
      />
    </Page>
  );
}
