// A list of the catalogue as all of its pages have it: a bar that searches it, how much is found, and its table.

import type { ReactNode } from "react";

import { sortOf, sortingOf } from "~/models/search";
import { Button } from "~/ui/Button";
import { Empty, ErrorNote, Loading } from "~/ui/Note";
import { SearchBox } from "~/ui/SearchBox";
import { Table, type TableProps } from "~/ui/Table";

import { HowMany } from "./parts";
import type { Provider, Whole } from "./rows";
import { type CatalogueSearch, type Show, catalogueSearch } from "./search";

function BarSelect<T extends string>({
  label,
  options,
  value,
  onChange,
}: {
  label: string;
  options: readonly { value: T | ""; label: string }[];
  value: T | undefined;
  /** Called with nothing for the option that narrows nothing. */
  onChange: (value: T | undefined) => void;
}) {
  return (
    <select
      className="input"
      aria-label={label}
      value={value ?? ""}
      onChange={(event) => onChange((event.target.value || undefined) as T | undefined)}
    >
      {options.map((one) => (
        <option key={one.value} value={one.value}>
          {one.label}
        </option>
      ))}
    </select>
  );
}

interface Searched {
  search: CatalogueSearch;
  onSearch: (changes: CatalogueSearch) => void;
}

export function ShowSelect({
  options,
  search,
  onSearch,
}: Searched & { options: readonly { value: Show | ""; label: string }[] }) {
  return (
    <BarSelect label="Which" options={options} value={search.show} onChange={(show) => onSearch({ show })} />
  );
}

export function ProviderSelect({
  providers,
  search,
  onSearch,
}: Searched & { providers: readonly Provider[] | undefined }) {
  const options = (providers ?? []).map((one) => ({ value: one.slug, label: one.name }));
  return (
    <BarSelect
      label="Provider"
      options={[{ value: "", label: "Every provider" }, ...options]}
      value={search.provider}
      onChange={(provider) => onSearch({ provider })}
    />
  );
}

export function CatalogueList<Row>({
  list,
  shown,
  search,
  onSearch,
  filters,
  none,
  hint,
  missed,
  ...table
}: Searched &
  Pick<TableProps<Row>, "label" | "columns" | "rowKey"> & {
    list: Whole<Row>;
    /** Those of the list that the search finds. */
    shown: Row[] | undefined;
    /** What narrows it apart from words. */
    filters: ReactNode;
    /** Says that there is nothing at all; `hint`, what would make something. */
    none: string;
    hint?: string;
    /** Says that there is something, and nothing of it is found. */
    missed: string;
  }) {
  const showAll = <Button onClick={() => onSearch(catalogueSearch({}))}>Show all</Button>;
  const isNone = list.rows?.length === 0;
  return (
    <>
      <div className="bar">
        <SearchBox
          placeholder="Search (press /)"
          aria-label={`Search ${table.label.toLowerCase()}`}
          value={search.q ?? ""}
          onSearch={(q) => onSearch({ q })}
        />
        {filters}
        <HowMany shown={shown?.length} list={list} />
      </div>
      {list.error ? <ErrorNote error={list.error} onRetry={list.retry} /> : null}
      {shown ? (
        <Table
          {...table}
          rows={shown}
          rowHeight={60}
          sorting={sortingOf(search.sort)}
          onSort={(sorting) => onSearch({ sort: sortOf(sorting) })}
          empty={isNone ? <Empty title={none}>{hint}</Empty> : <Empty title={missed} action={showAll} />}
        />
      ) : list.error ? null : (
        <Loading lines={10} />
      )}
    </>
  );
}
