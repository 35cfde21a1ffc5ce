// Lists that come in pages of `offset` and `limit`.

/** What the API gives at once. */
const PAGE = 100;
/** Pages are read until here; longer lists are searched, not scrolled. */
const MOST = 5000;

interface Page<T> {
  data: T[];
  total_count: number;
}

/** Every row of a list. */
export async function wholeList<T>(
  read: (paging: { offset: number; limit: number }) => Promise<Page<T>>,
): Promise<T[]> {
  const all: T[] = [];
  while (all.length < MOST) {
    const page = await read({ offset: all.length, limit: PAGE });
    all.push(...page.data);
    if (page.data.length === 0 || all.length >= page.total_count) break;
  }
  return all;
}
