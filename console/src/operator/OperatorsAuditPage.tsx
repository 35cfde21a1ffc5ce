import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { admin, answer } from "~/api/client";
import type { components } from "~/api/generated/admin";
import { pagedQuery } from "~/api/paged";
import { Actor } from "~/ui/Actor";
import { Ago } from "~/ui/Ago";
import { Button } from "~/ui/Button";
import { Details } from "~/ui/Details";
import { Badge, Empty, ErrorNote } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { PagedTable } from "~/ui/PagedTable";
import type { Column } from "~/ui/Table";

import { type Names, TenantLink, useTenantNames } from "./TenantLink";

type Entry = components["schemas"]["AuditEntry"];

const auditQuery = pagedQuery(["operator", "audit"], (query) =>
  answer(admin.GET("/audit", { params: { query } })),
);

const columnsOf = (names: Names): Column<Entry>[] => [
  {
    id: "at",
    head: "When",
    width: "130px",
    cell: (one) => <Ago of={one.at} />,
  },
  { id: "action", head: "What", width: "170px", cell: (one) => <span className="mono">{one.action}</span> },
  {
    id: "actor",
    head: "Who",
    width: "minmax(160px, 1fr)",
    cell: (one) => <Actor of={one.actor} />,
  },
  {
    id: "tenant",
    head: "Tenant",
    width: "minmax(120px, 1fr)",
    cell: (one) =>
      one.tenant_id ? <TenantLink id={one.tenant_id} /> : <span className="soft">the platform</span>,
  },
  {
    id: "target",
    head: "On",
    width: "minmax(160px, 1fr)",
    cell: (one) => <Actor of={one.target} names={names} />,
  },
  {
    id: "details",
    head: "Details",
    width: "minmax(380px, 3fr)",
    cell: (one) => <Details of={one.details} />,
  },
];

/** Asked for by a person only: it reads the whole chain. */
export function Verification() {
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ["operator", "audit", "verify"],
    queryFn: () => answer(admin.GET("/audit/verify")),
    enabled: false,
  });
  return (
    <div className="bar">
      <Button busy={isFetching} onClick={() => void refetch()}>
        Check that nothing was tampered with
      </Button>
      {error ? <ErrorNote error={error} /> : null}
      {data ? (
        data.is_whole ? (
          <Badge tone="good">whole: {data.sealed} entries</Badge>
        ) : (
          <Badge tone="bad">
            {data.faults.length} faults, the first: {data.faults[0]?.fault}
          </Badge>
        )
      ) : null}
    </div>
  );
}

export function OperatorsAuditPage() {
  const list = useInfiniteQuery(auditQuery);
  const names = useTenantNames();
  const columns = useMemo(() => columnsOf(names), [names]);
  return (
    <Page
      isList
      title="Operators' audit"
      about="Every change on the platform, by whomever, newest first."
      actions={<Verification />}
    >
      <PagedTable
        list={list}
        label="Changes"
        columns={columns}
        rowKey={(one) => one.id}
        empty={<Empty title="Nothing was changed yet" />}
      />
    </Page>
  );
}
