import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";

import { rowsOf } from "~/api/paged";
import { exactUsd, nanoOf } from "~/format/money";
import { date } from "~/format/time";
import { Ago } from "~/ui/Ago";
import { Button } from "~/ui/Button";
import { Badge, Empty } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { PagedTable } from "~/ui/PagedTable";
import type { Column } from "~/ui/Table";

import { type Names, TenantLink, useTenantNames } from "./TenantLink";
import { TenantPicker } from "./TenantPicker";
import { type Invoice, type InvoiceSearch, STATES, fileOf, invoicesQuery, periodsQuery } from "./invoices";

const route = getRouteApi("/inside/operator/invoices");

export function StateBadge({ of }: { of: Pick<Invoice, "state" | "is_frozen"> }) {
  const known = STATES.find((one) => one.value === of.state);
  return (
    <>
      <Badge tone={known?.tone}>{known?.label ?? of.state}</Badge>
      {of.is_frozen ? <Badge tone="bad">frozen</Badge> : null}
    </>
  );
}

const isDue = (one: Invoice): boolean => one.left !== null && (nanoOf(one.left) ?? 0n) > 0n;
const isOverdue = (one: Invoice): boolean =>
  isDue(one) && one.due_on !== null && one.due_on < new Date().toISOString().slice(0, 10);

/** The columns of invoices; a tenant's own list leaves the tenant out. */
export const invoiceColumns = (names: Names | null): Column<Invoice>[] => [
  {
    id: "number",
    head: "Number",
    width: "minmax(150px, 1fr)",
    cell: (one) => (
      <Link to="/operator/invoices/$id" params={{ id: one.id }}>
        {one.number ?? (one.payment === "prepaid" ? "draft statement" : "draft invoice")}
      </Link>
    ),
  },
  ...(names
    ? [
        {
          id: "tenant",
          head: "Tenant",
          width: "minmax(150px, 2fr)",
          value: (one: Invoice) => names.get(one.tenant_id) ?? one.tenant_id,
          cell: (one: Invoice) => <TenantLink id={one.tenant_id} />,
        },
      ]
    : []),
  {
    id: "period",
    head: "Period",
    width: "75px",
    value: (one) => Number(one.period_id),
    cell: (one) => one.period_id,
  },
  { id: "state", head: "State", width: "115px", cell: (one) => <StateBadge of={one} /> },
  {
    id: "charges",
    head: "Charges",
    width: "135px",
    align: "right",
    value: (one) => Number(one.charges),
    cell: (one) => exactUsd(one.charges),
  },
  {
    id: "total",
    head: "Total",
    width: "95px",
    align: "right",
    value: (one) => (one.total === null ? null : Number(one.total)),
    cell: (one) => exactUsd(one.total),
  },
  {
    id: "left",
    head: "Left to pay",
    width: "105px",
    align: "right",
    value: (one) => (one.left === null ? null : Number(one.left)),
    cell: (one) =>
      one.left === null || one.state === "void" ? (
        "–"
      ) : isDue(one) ? (
        exactUsd(one.left)
      ) : (
        <span className="soft">paid</span>
      ),
  },
  {
    id: "due",
    head: "Due",
    width: "130px",
    value: (one) => one.due_on ?? one.finalise_after,
    cell: (one) => {
      if (one.state === "grace")
        return (
          <span className="soft">
            issues <Ago of={one.finalise_after} />
          </span>
        );
      if (!isDue(one)) return <span className="soft">–</span>;
      return isOverdue(one) ? <Badge tone="bad">since {date(one.due_on)}</Badge> : date(one.due_on);
    },
  },
  {
    id: "files",
    head: "Document",
    width: "110px",
    cell: (one) => (
      <span className="bar">
        <a
          href={fileOf(one.id, "html")}
          target="_blank"
          rel="noreferrer"
          aria-label={`${one.number ?? "The draft"} as HTML`}
        >
          HTML
        </a>
        <a
          href={fileOf(one.id, "pdf")}
          target="_blank"
          rel="noreferrer"
          aria-label={`${one.number ?? "The draft"} as PDF`}
        >
          PDF
        </a>
      </span>
    ),
  },
];

function Filters({
  search,
  onChange,
}: {
  search: InvoiceSearch;
  onChange: (changes: InvoiceSearch) => void;
}) {
  const periods = rowsOf(useInfiniteQuery(periodsQuery).data) ?? [];
  return (
    <div className="bar">
      <select
        className="input"
        aria-label="State"
        value={search.state ?? ""}
        onChange={(event) =>
          onChange({ state: STATES.find((one) => one.value === event.target.value)?.value })
        }
      >
        <option value="">in any state</option>
        {STATES.map((one) => (
          <option key={one.value} value={one.value}>
            {one.label}
          </option>
        ))}
      </select>
      <select
        className="input"
        aria-label="Period"
        value={search.period ?? ""}
        onChange={(event) => onChange({ period: event.target.value || undefined })}
      >
        <option value="">of all periods</option>
        {periods
          .filter((one) => one.state === "closed")
          .map((one) => (
            <option key={one.id} value={one.id}>
              period {one.id}, closed {date(one.closed_at)}
            </option>
          ))}
      </select>
      <TenantPicker
        aria-label="Tenant"
        placeholder="of all tenants"
        value={search.tenant}
        onChange={(tenant) => onChange({ tenant })}
      />
      {search.state || search.period || search.tenant ? (
        <Button
          kind="quiet"
          onClick={() => onChange({ state: undefined, period: undefined, tenant: undefined })}
        >
          Clear
        </Button>
      ) : null}
    </div>
  );
}

export function InvoicesPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const names = useTenantNames();
  const list = useInfiniteQuery(invoicesQuery(search));
  const columns = useMemo(() => invoiceColumns(names), [names]);
  const isSearched = Object.values(search).some((value) => value !== undefined);
  const change = (changes: InvoiceSearch) =>
    void navigate({ search: (old) => ({ ...old, ...changes }), replace: true });
  return (
    <Page
      title="Invoices of tenants"
      about="An invoice for each postpaid tenant and a statement for each prepaid one, drafted when a period closes."
    >
      <Filters search={search} onChange={change} />
      <PagedTable
        list={list}
        label="Invoices"
        columns={columns}
        rowKey={(one) => one.id}
        empty={
          <Empty title={isSearched ? "No invoice is like that" : "There is no invoice yet"}>
            They are drafted when a <Link to="/operator/periods">period</Link> is closed.
          </Empty>
        }
      />
    </Page>
  );
}
