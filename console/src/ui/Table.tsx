// A table that stays fast at any length: only the rows in sight are in the page.

import { useVirtualizer } from "@tanstack/react-virtual";
import { type CSSProperties, type ReactNode, useMemo, useRef, useState } from "react";

import { type Sorting, type SortValue, clicked, sorted } from "./sorting";

export interface Column<Row> {
  id: string;
  head: ReactNode;
  /** A width of a CSS grid: `120px`, `minmax(180px, 2fr)`. */
  width: string;
  cell: (row: Row) => ReactNode;
  /** What it is sorted by; without it the column does not sort. */
  value?: (row: Row) => SortValue;
  align?: "right";
  /** What the row is of: stays in sight on narrow screens. Left out, the first column is it. */
  isLead?: boolean;
}

/** The head of a column of buttons: nothing to see, and what it is for those who do not. */
export const ACTIONS = <span className="visually-hidden">Actions</span>;

export interface TableProps<Row> {
  /** What the table is of, for those who do not see it. */
  label: string;
  rows: readonly Row[];
  columns: Column<Row>[];
  rowKey: (row: Row) => string;
  /** Pixels; rows of another height are measured. */
  rowHeight?: number;
  /** Sorting that somebody else keeps, such as the address. Without it the table keeps its own. */
  sorting?: Sorting | null;
  onSort?: (sorting: Sorting) => void;
  /** For short tables: as high as their rows. */
  isWhole?: boolean;
  empty?: ReactNode;
}

function Head<Row>({
  column,
  isLead,
  sorting,
  onSort,
}: {
  column: Column<Row>;
  isLead: boolean;
  sorting: Sorting | null;
  onSort: (to: Sorting) => void;
}) {
  const isSorted = sorting?.by === column.id;
  const order = isSorted ? (sorting.isDescending ? "descending" : "ascending") : undefined;
  return (
    <div
      className="table-cell"
      role="columnheader"
      data-align={column.align}
      data-lead={isLead || undefined}
      aria-sort={order}
    >
      {column.value ? (
        <button
          type="button"
          className="table-sort"
          data-sorted={order}
          onClick={() => onSort(clicked(sorting, column.id, column.align === "right"))}
        >
          {column.head}
          <span aria-hidden="true">{isSorted ? (sorting.isDescending ? " ↓" : " ↑") : ""}</span>
        </button>
      ) : (
        column.head
      )}
    </div>
  );
}

/** The pixels that a column takes at least; rows that are wider than the table scroll sideways together. */
function leastWidth(width: string): number {
  return Number(/(\d+)px/.exec(width)?.[1] ?? 80);
}

export function Table<Row>(props: TableProps<Row>) {
  const { label, rows, columns, rowKey, rowHeight = 45, isWhole = false, empty } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [own, setOwn] = useState<Sorting | null>(null);
  const sorting = props.sorting === undefined ? own : props.sorting;
  const ordered = useMemo(() => {
    const value = columns.find((column) => column.id === sorting?.by)?.value;
    return value && sorting ? sorted(rows, value, sorting.isDescending) : rows;
  }, [rows, columns, sorting]);
  const virtual = useVirtualizer({
    count: ordered.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    getItemKey: (index) => rowKey(ordered[index] as Row),
  });
  if (rows.length === 0 && empty !== undefined) return empty;
  const lead = (columns.find((column) => column.isLead) ?? columns[0])?.id;
  const template = {
    "--template": columns.map((column) => column.width).join(" "),
    "--least": `${columns.reduce((sum, column) => sum + leastWidth(column.width), 0)}px`,
  } as CSSProperties;
  return (
    <div
      className="table"
      ref={scroller}
      style={template}
      data-fit={isWhole || undefined}
      role="table"
      aria-label={label}
      aria-rowcount={ordered.length + 1}
      tabIndex={0}
    >
      <div role="rowgroup" className="table-head">
        <div className="table-row" role="row" aria-rowindex={1}>
          {columns.map((column) => (
            <Head
              key={column.id}
              column={column}
              isLead={column.id === lead}
              sorting={sorting}
              onSort={props.onSort ?? setOwn}
            />
          ))}
        </div>
      </div>
      <div role="rowgroup" className="table-body" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = ordered[item.index] as Row;
          return (
            <div
              key={item.key}
              ref={virtual.measureElement}
              data-index={item.index}
              className="table-row"
              role="row"
              aria-rowindex={item.index + 2}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              {columns.map((column) => (
                <div
                  key={column.id}
                  className="table-cell"
                  role="cell"
                  data-align={column.align}
                  data-lead={column.id === lead || undefined}
                >
                  {column.cell(row)}
                </div>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}
