import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { type AccountSchemas, account, answer } from "~/api/client";
import { pagedQuery } from "~/api/paged";
import { membersQuery, nameOf } from "~/members/members";
import { Actor } from "~/ui/Actor";
import { Ago } from "~/ui/Ago";
import { Details } from "~/ui/Details";
import { Empty } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { PagedTable } from "~/ui/PagedTable";
import type { Column } from "~/ui/Table";

const auditQuery = pagedQuery(["audit"], (query) => answer(account.GET("/audit", { params: { query } })));

const columnsOf = (names: ReadonlyMap<string, string>): Column<AccountSchemas["AuditedChange"]>[] => [
  {
    id: "at",
    head: "When",
    width: "150px",
    cell: (one) => <Ago of={one.at} />,
  },
  { id: "action", head: "What", width: "170px", cell: (one) => <span className="mono">{one.action}</span> },
  {
    id: "actor",
    head: "Who",
    width: "minmax(140px, 1fr)",
    cell: (one) => <Actor of={one.actor} names={names} />,
  },
  {
    id: "target",
    head: "On",
    width: "minmax(140px, 1fr)",
    cell: (one) => <Actor of={one.target} names={names} />,
  },
  {
    id: "details",
    head: "Details",
    width: "minmax(400px, 3fr)",
    cell: (one) => <Details of={one.details} />,
  },
];

export function AuditPage() {
  const list = useInfiniteQuery(auditQuery);
  const { data: members } = useQuery(membersQuery);
  const columns = useMemo(
    () => columnsOf(new Map(members?.map((member) => [member.id, nameOf(member)]))),
    [members],
  );
  return (
    <Page
      isList
      title="Audit log"
      about="Everything that was changed in the organisation, newest first. It cannot be edited, and never holds a secret."
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
