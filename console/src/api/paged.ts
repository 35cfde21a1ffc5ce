// Lists that come in pages of `data` and `next`.

import { type QueryKey, infiniteQueryOptions } from "@tanstack/react-query";

export interface Paged<T> {
  data: T[];
  /** What to ask for the next page with; nothing = this is the last one. */
  next?: string | null | undefined;
}

/** The members of a query that a page is asked for with. */
export interface Paging {
  limit: number;
  after?: string;
}

const PAGE = 100;

/** A list that is read on by `useInfiniteQuery`. */
export const pagedQuery = <T>(
  queryKey: QueryKey,
  read: (paging: Paging) => Promise<Paged<T>>,
  refetchInterval?: (rows: T[]) => number | false,
) =>
  infiniteQueryOptions({
    queryKey,
    queryFn: ({ pageParam }) => read({ limit: PAGE, ...(pageParam ? { after: pageParam } : {}) }),
    initialPageParam: null as string | null,
    getNextPageParam: (page: Paged<T>) => page.next ?? null,
    ...(refetchInterval
      ? {
          refetchInterval: (query: { state: { data?: { pages: Paged<T>[] } | undefined } }) =>
            refetchInterval(rowsOf(query.state.data) ?? []),
        }
      : {}),
  });

export function rowsOf<T>(data: { pages: { data: T[] }[] } | undefined): T[] | undefined {
  return data?.pages.flatMap((page) => page.data);
}
