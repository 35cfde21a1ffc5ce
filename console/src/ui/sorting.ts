// The order of a table's rows.

export interface Sorting {
  by: string;
  isDescending: boolean;
}

export type SortValue = string | number | null | undefined;

/** What has no value comes last, in either direction; equals keep their order. */
export function sorted<Row>(
  rows: readonly Row[],
  value: (row: Row) => SortValue,
  isDescending: boolean,
): Row[] {
  const direction = isDescending ? -1 : 1;
  return rows
    .map((row) => [row, value(row) ?? null] as const)
    .sort(([, one], [, other]) => {
      if (one === null || other === null) return Number(one === null) - Number(other === null);
      if (typeof one === "number" && typeof other === "number") return (one - other) * direction;
      return String(one).localeCompare(String(other), "en", { numeric: true }) * direction;
    })
    .map(([row]) => row);
}

/** What a click on a column's head asks for: first upwards for names, downwards for figures, then the other way. */
export function clicked(current: Sorting | null, by: string, isFigure: boolean): Sorting {
  if (current?.by !== by) return { by, isDescending: isFigure };
  return { by, isDescending: !current.isDescending };
}
