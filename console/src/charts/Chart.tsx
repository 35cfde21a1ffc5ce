// Columns stacked by series, or lines, drawn on a canvas by uPlot. The same figures stand below as a table for those who
// do not see the canvas.

import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import { useIsDark } from "~/shell/theme";

import "./charts.css";
import { Scroll } from "~/ui/Page";
import { type Columns, type Granularity, MOST_SERIES, type Series, stacked } from "./series";

export interface ChartProps {
  label: string;
  columns: Columns;
  granularity: Granularity;
  say: (value: number) => string;
  /** Lines are for what does not add up: means and shares. */
  kind?: "stack" | "line";
  height?: number;
}

const colourOf = (series: Series, place: number): string =>
  series.isRest ? "--series-rest" : `--series-${(place % MOST_SERIES) + 1}`;

/** A token of the style sheets as it is drawn now. Canvases know nothing of custom properties or `light-dark()`. */
function drawn(element: HTMLElement, token: string): string {
  const probe = element.ownerDocument.createElement("i");
  probe.style.color = `var(${token})`;
  element.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

const TIMES: Record<Granularity, Intl.DateTimeFormatOptions> = {
  minute: { hour: "2-digit", minute: "2-digit" },
  quarter: { weekday: "short", hour: "2-digit", minute: "2-digit" },
  hour: { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", timeZone: "UTC" },
  day: { weekday: "short", month: "short", day: "numeric", timeZone: "UTC" },
  week: { month: "short", day: "numeric", year: "numeric", timeZone: "UTC" },
  month: { month: "long", year: "numeric", timeZone: "UTC" },
};

export function timeOf(at: number, granularity: Granularity): string {
  return new Intl.DateTimeFormat("en-GB", TIMES[granularity]).format(new Date(at * 1000));
}

/** Short times are told in the reader's time zone, longer ones in UTC. */
const isLocal = (granularity: Granularity): boolean => granularity === "minute" || granularity === "quarter";

const sayOf = (value: number | null | undefined, say: (value: number) => string): string =>
  value === null || value === undefined ? "–" : say(value);

const isKnown = (value: number | null | undefined): boolean => value !== null && value !== undefined;

/** Values that no line leads to. */
const alone = (values: readonly (number | null)[]): number[] =>
  values.flatMap((value, place) =>
    isKnown(value) && !isKnown(values[place - 1]) && !isKnown(values[place + 1]) ? [place] : [],
  );

const DAY = 86_400;
/** Ticks of time that fall together with buckets. */
const STEPS: Record<Granularity, number[]> = {
  minute: [1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60),
  quarter: [900, 1800, 3600, 2 * 3600, 3 * 3600, 6 * 3600, 12 * 3600],
  hour: [3600, 2 * 3600, 3 * 3600, 6 * 3600, 12 * 3600, DAY, 2 * DAY, 7 * DAY],
  day: [DAY, 2 * DAY, 3 * DAY, 5 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY],
  week: [7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY, 365 * DAY],
  month: [30 * DAY, 90 * DAY, 365 * DAY],
};

/** What stands below a tick: the day where one begins, the time of day within one. */
function tickOf(at: number, step: number, granularity: Granularity): string {
  if (isLocal(granularity)) return timeOf(at, "minute");
  const isDay = step >= DAY || at % DAY === 0;
  const shown: Intl.DateTimeFormatOptions = isDay
    ? { day: "numeric", month: "short" }
    : { hour: "2-digit", minute: "2-digit" };
  if (step >= 30 * DAY)
    return new Intl.DateTimeFormat("en-GB", { month: "short", year: "numeric", timeZone: "UTC" }).format(
      at * 1000,
    );
  return new Intl.DateTimeFormat("en-GB", { ...shown, timeZone: "UTC" }).format(at * 1000);
}

function options(
  props: ChartProps,
  host: HTMLElement,
  onHover: (place: number | null) => void,
): uPlot.Options {
  const { columns, kind = "stack", height = 260, say, granularity } = props;
  const half = ((columns.times[1] ?? 0) - (columns.times[0] ?? 0)) / 2 || 1800;
  const grid = drawn(host, "--line");
  const text = drawn(host, "--text-soft");
  const bars = uPlot.paths.bars?.({ size: [0.78, 44], radius: 0.12 });
  const lines = uPlot.paths.linear?.();
  // The tallest is drawn first, so that those below stay in sight.
  const order =
    kind === "stack"
      ? columns.series.map((_, place) => place).reverse()
      : columns.series.map((_, place) => place);
  const axis = {
    stroke: text,
    grid: { stroke: grid, width: 1 },
    ticks: { show: false },
    font: `12px ${getComputedStyle(host).fontFamily}`,
  };
  return {
    width: Math.max(host.clientWidth, 200),
    height,
    padding: [12, 24, 0, 0],
    legend: { show: false },
    tzDate: (at) => (isLocal(granularity) ? new Date(at * 1000) : uPlot.tzDate(new Date(at * 1000), "UTC")),
    cursor: { y: false, points: { show: kind === "line" }, drag: { x: false, y: false } },
    scales: {
      // Columns stand on the start of their time: half of one has to fit on either side.
      x: {
        range: (_, least, most) =>
          kind === "stack" ? [(least ?? 0) - half, (most ?? 0) + half] : [least ?? 0, most ?? 0],
      },
      y: { range: (_, least, most) => [Math.min(0, least ?? 0), most && most > 0 ? most * 1.06 : 1] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 32,
        incrs: STEPS[granularity],
        space: 64,
        values: (_, ticks, __, ___, step) => ticks.map((tick) => tickOf(tick, step, granularity)),
      },
      { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : say(tick))) },
    ],
    series: [
      {},
      ...order.map((place): uPlot.Series => {
        const series = columns.series[place] as Series;
        const colour = drawn(host, colourOf(series, place));
        const paths = kind === "stack" ? bars : lines;
        return {
          stroke: colour,
          points: { show: kind === "line", size: 6, fill: colour, filter: () => alone(series.values) },
          ...(kind === "stack" ? { fill: colour, width: 0 } : { width: 2 }),
          ...(paths ? { paths } : {}),
        };
      }),
    ],
    hooks: { setCursor: [(plot) => onHover(plot.cursor.idx ?? null)] },
  };
}

function dataOf({ columns, kind = "stack" }: ChartProps): uPlot.AlignedData {
  const values =
    kind === "stack"
      ? stacked(columns.series, columns.times.length).reverse()
      : columns.series.map((one) => one.values);
  return [columns.times, ...values];
}

function Legend({ props, hovered }: { props: ChartProps; hovered: number | null }) {
  const { columns, say, granularity, kind = "stack" } = props;
  const time = hovered === null ? null : columns.times[hovered];
  // Nothing is the sum of what does not add up.
  const untimed = kind === "stack" ? "In all" : null;
  return (
    <div className="chart-legend">
      <strong>{time === null || time === undefined ? untimed : timeOf(time, granularity)}</strong>
      {columns.series.map((one, place) => (
        <span key={one.name} className="chart-entry">
          <i style={{ background: `var(${colourOf(one, place)})` }} aria-hidden="true" />
          <span className="whole">{one.name}</span>
          {hovered !== null || kind === "stack" ? (
            <b className="number">{hovered === null ? say(one.total) : sayOf(one.values[hovered], say)}</b>
          ) : null}
        </span>
      ))}
    </div>
  );
}

export function Figures({ label, columns, granularity, say }: Omit<ChartProps, "kind" | "height">) {
  return (
    <details className="chart-figures">
      <summary>Figures</summary>
      <Scroll label={label}>
        <table className="plain-table">
          <caption className="visually-hidden">{label}</caption>
          <thead>
            <tr>
              <th scope="col">From ({isLocal(granularity) ? "your time" : "UTC"})</th>
              {columns.series.map((one) => (
                <th key={one.name} scope="col" className="number">
                  {one.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {columns.times.map((time, place) => (
              <tr key={time}>
                <th scope="row">{timeOf(time, granularity)}</th>
                {columns.series.map((one) => (
                  <td key={one.name} className="number">
                    {sayOf(one.values[place], say)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </details>
  );
}

export function Chart(props: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const [hovered, setHovered] = useState<number | null>(null);
  const isDark = useIsDark();
  const data = useMemo(() => dataOf(props), [props]);
  useEffect(() => {
    const element = host.current;
    if (element === null) return undefined;
    const plot = new uPlot(options(props, element, setHovered), data, element);
    const observer = new ResizeObserver(() =>
      plot.setSize({ width: Math.max(element.clientWidth, 200), height: props.height ?? 260 }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
    // Another theme draws with other colours.
  }, [props, data, isDark]);
  return (
    <figure className="chart" onPointerLeave={() => setHovered(null)}>
      <div ref={host} role="img" aria-label={`${props.label}. The figures are in the table below.`} />
      <Legend props={props} hovered={hovered} />
      <Figures {...props} />
    </figure>
  );
}
