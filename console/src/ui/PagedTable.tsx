// Lists of an API, whole or page after page: a refusal, that it loads, its rows, and the way to more of them.

import { rowsOf } from "~/api/paged";

import { Button } from "./Button";
import { ErrorNote, Loading } from "./Note";
import { Table, type TableProps } from "./Table";

/** As `useQuery` answers it. */
interface List<Row> {
  data: readonly Row[] | undefined;
  error: unknown;
  refetch: () => unknown;
}

export function ListTable<Row>({ list, ...table }: Omit<TableProps<Row>, "rows"> & { list: List<Row> }) {
  return (
    <>
      {list.error ? <ErrorNote error={list.error} onRetry={() => void list.refetch()} /> : null}
      {list.data ? <Table {...table} rows={list.data} /> : list.error ? null : <Loading />}
    </>
  );
}

interface Pages {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
}

/** As `useInfiniteQuery` answers it. */
interface PagedList<Row> extends Pages {
  data: { pages: { data: Row[] }[] } | undefined;
  error: unknown;
  refetch: () => unknown;
}

/** Leads to the rows that a list does not show yet. */
export function Pager({ list, label = "Show older ones" }: { list: Pages; label?: string | undefined }) {
  if (!list.hasNextPage) return null;
  return (
    <div>
      <Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
        {label}
      </Button>
    </div>
  );
}

export function PagedTable<Row>({
  list,
  more,
  wholeUpTo = 0,
  ...table
}: Omit<TableProps<Row>, "rows" | "isWhole"> & {
  list: PagedList<Row>;
  /** What leads to further rows; left out, they are older. */
  more?: string;
  /** Up to so many rows the table is as high as they are. */
  wholeUpTo?: number;
}) {
  const rows = rowsOf(list.data);
  return (
    <>
      <ListTable
        {...table}
        list={{ data: rows, error: list.error, refetch: list.refetch }}
        isWhole={(rows?.length ?? 0) <= wholeUpTo}
      />
      <Pager list={list} label={more} />
    </>
  );
}
