import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { admin, document } from "~/api/client";
import { pagedQuery } from "~/api/paged";
import { count } from "~/format/number";
import { Ago } from "~/ui/Ago";
import { Button } from "~/ui/Button";
import { CopyButton } from "~/ui/Copy";
import { Empty, ErrorNote, Note } from "~/ui/Note";
import { Card, Page } from "~/ui/Page";
import { PagedTable } from "~/ui/PagedTable";
import { ACTIONS, type Column } from "~/ui/Table";

import { Verification } from "./OperatorsAuditPage";
import { TenantLink } from "./TenantLink";
import { TenantPicker } from "./TenantPicker";
import { type Seal, type Seals, verifySeals } from "./status";

const route = getRouteApi("/inside/operator/seals");

const sealsQuery = (tenant: string | undefined) =>
  pagedQuery<Seal>(["operator", "seals", { tenant }], (paging) =>
    document<Seals>(
      admin.GET("/ledger/seals", { params: { query: { ...paging, ...(tenant ? { tenant } : {}) } } }),
    ),
  );

/** Asked for by a person only: it reads the whole ledger, or all of a tenant's. */
function SealVerification({ tenant }: { tenant: string | undefined }) {
  const check = useMutation({ mutationFn: () => verifySeals(tenant) });
  return (
    <Card title={tenant ? "This tenant's transfers" : "The ledger's transfers"}>
      <div className="stack">
        <p className="soft">
          Computes every block again from its transfers and follows the chains. Reads{" "}
          {tenant ? "all of the tenant's" : "the whole ledger"}; on a large one that takes a while.
        </p>
        <div>
          <Button busy={check.isPending} onClick={() => check.mutate()}>
            Verify the seals
          </Button>
        </div>
        {check.error ? <ErrorNote error={check.error} /> : null}
        {check.data ? (
          check.data.faults.length === 0 ? (
            <Note tone="good">
              Whole: {count(check.data.transfers)} transfers in {count(check.data.blocks)} blocks.
            </Note>
          ) : (
            <Note tone="bad">
              <p>{count(check.data.faults.length)} faults: somebody changed the ledger.</p>
              {check.data.faults.slice(0, 10).map((fault) => (
                <p className="mono details" key={JSON.stringify(fault)}>
                  {JSON.stringify(fault)}
                </p>
              ))}
            </Note>
          )
        ) : null}
      </div>
    </Card>
  );
}

const columnsOf = (onTenant: (id: string) => void): Column<Seal>[] => [
  {
    id: "tenant",
    head: "Chain of",
    width: "minmax(180px, 2fr)",
    cell: (one) => <TenantLink id={one.tenant_id} />,
  },
  {
    id: "block",
    head: "Block",
    width: "100px",
    align: "right",
    value: (one) => one.block,
    cell: (one) => (
      <button
        type="button"
        className="link"
        title="All blocks of this chain"
        onClick={() => onTenant(one.tenant_id)}
      >
        {count(one.block)}
      </button>
    ),
  },
  {
    id: "transfers",
    head: "Transfers",
    width: "110px",
    align: "right",
    value: (one) => one.transfers,
    cell: (one) => count(one.transfers),
  },
  {
    id: "at",
    head: "Sealed",
    width: "140px",
    value: (one) => one.sealed_at,
    cell: (one) => <Ago of={one.sealed_at} />,
  },
  {
    id: "hash",
    head: "SHA-256",
    width: "minmax(240px, 3fr)",
    cell: (one) => (
      <span className="mono cut" title={one.sha256}>
        {one.sha256}
      </span>
    ),
  },
  {
    id: "copy",
    head: ACTIONS,
    width: "90px",
    align: "right",
    cell: (one) => <CopyButton text={one.sha256} />,
  },
];

export function SealsPage() {
  const { tenant } = route.useSearch();
  const navigate = route.useNavigate();
  const list = useInfiniteQuery(sealsQuery(tenant));
  return (
    <Page
      title="Seals"
      about="Every transfer and every change is sealed in chains of hashes. Keep the newest blocks elsewhere too, and nobody can rewrite them unseen."
    >
      <div className="columns">
        <SealVerification key={tenant ?? ""} tenant={tenant} />
        <Card title="The record of changes">
          <div className="stack">
            <p className="soft">
              Follows every chain of the audit log, the tenants&apos; and the platform&apos;s.
            </p>
            <Verification />
          </div>
        </Card>
      </div>
      <div className="bar">
        <TenantPicker
          aria-label="Chain of"
          placeholder="the newest of every chain"
          value={tenant}
          onChange={(id) => void navigate({ search: { tenant: id } })}
        />
      </div>
      <PagedTable
        list={list}
        label="Blocks"
        columns={columnsOf((id) => void navigate({ search: { tenant: id } }))}
        rowKey={(one) => `${one.tenant_id} ${one.block}`}
        empty={
          <Empty title="Nothing is sealed yet">
            A job seals every minute what no transaction can change.
          </Empty>
        }
      />
    </Page>
  );
}
