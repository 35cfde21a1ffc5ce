import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { type AccountSchemas, account, answer } from "~/api/client";
import { ago, dateTime } from "~/format/time";
import { membersQuery, nameOf } from "~/members/members";
import { Actor } from "~/ui/Actor";
import { Button } from "~/ui/Button";
import { Details } from "~/ui/Details";
import { Empty, ErrorNote, Loading } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { type Column, Table } from "~/ui/Table";

const columnsOf = (names: ReadonlyMap<string, string>): Column<AccountSchemas["AuditedChange"]>[] => [
  {
    id: "at",
    head: "When",
    width: "150px",
    cell: (one) => <span title={dateTime(one.at)}>{ago(one.at)}</span>,
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
    width: "minmax(260px, 3fr)",
    cell: (one) => <Details of={one.details} />,
  },
];

export function AuditPage() {
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ["audit"],
    queryFn: ({ pageParam }) =>
      answer(
        account.GET("/audit", {
          params: { query: { limit: 200, ...(pageParam ? { after: pageParam } : {}) } },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next ?? null,
  });
  const { data: members } = useQuery(membersQuery);
  const columns = useMemo(
    () => columnsOf(new Map(members?.map((member) => [member.id, nameOf(member)]))),
    [members],
  );
  const rows = data?.pages.flatMap((page) => page.data);
  return (
    <Page
      isList
      title="Audit log"
      about="Everything that was changed in the organisation, newest first. It cannot be edited, and never holds a secret."
    >
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {rows ? (
        <Table
          label="Changes"
          rows={rows}
          columns={columns}
          rowKey={(one) => one.id}
          empty={<Empty title="Nothing was changed yet" />}
        />
      ) : error ? null : (
        <Loading />
      )}
      {hasNextPage ? (
        <div>
          <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Show older ones
          </Button>
        </div>
      ) : null}
    </Page>
  );
}
