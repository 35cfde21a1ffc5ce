// The last day of endpoints: uptime as bars, time to first token and throughput as lines.

import { useMemo, useState } from "react";

import { duration, throughput } from "~/format/number";
import { SelectField } from "~/ui/Field";
import { Card } from "~/ui/Page";

import { Chart, Figures, timeOf } from "./Chart";
import {
  type Day,
  type Line,
  columnsOf,
  isKnown,
  latenciesOf,
  said,
  slotsOf,
  successesOf,
  summaryOf,
  timesOf,
  toneOf,
  uptimeOf,
} from "./day";
import { type Columns, MOST_SERIES } from "./series";

const ALL = "";

const up = (percent: number): string => `${percent}%`;

function UptimeRow({ line, times }: { line: Line; times: number[] }) {
  const slots = slotsOf(times, line);
  return (
    <div className="uptime-row">
      <span className="whole">{line.name}</span>
      <div className="uptime-bars" role="img" aria-label={summaryOf(line, slots)}>
        {slots.map((slot, place) => {
          const time = times[place] ?? 0;
          return (
            <i key={time} data-tone={toneOf(slot)} title={`${timeOf(time, "quarter")}: ${said(slot)}`} />
          );
        })}
      </div>
      <span className="number">{uptimeOf(line)}</span>
    </div>
  );
}

function Uptime({ lines, silent, times }: { lines: Line[]; silent: Line[]; times: number[] }) {
  const columns = useMemo(() => columnsOf(times, lines, "uptime"), [times, lines]);
  return (
    <Card title="Uptime, last day">
      <div className="uptime-rows">
        {lines.map((line) => (
          <UptimeRow key={line.name} line={line} times={times} />
        ))}
        <div className="uptime-ends">
          <span>{timeOf(times[0] ?? 0, "quarter")}</span>
          <span>now</span>
        </div>
      </div>
      {silent.length === 0 ? null : (
        <p className="soft">Nothing was asked of {silent.map((line) => line.name).join(", ")}.</p>
      )}
      <Figures label="Uptime, last day" columns={columns} granularity="quarter" say={up} />
    </Card>
  );
}

function Speed({ title, columns, say }: { title: string; columns: Columns; say: (value: number) => string }) {
  return (
    <Card title={title}>
      {isKnown(columns) ? (
        <Chart
          label={`${title}, last day`}
          columns={columns}
          granularity="quarter"
          say={say}
          kind="line"
          height={200}
        />
      ) : (
        <p className="soft">Too few answers to say: it takes five within a quarter of an hour.</p>
      )}
    </Card>
  );
}

function Speeds({ lines, times, what }: { lines: Line[]; times: number[]; what: string }) {
  const [picked, pick] = useState(ALL);
  const one = lines.length === 1 ? lines[0] : lines.find((line) => line.name === picked);
  const [latency, speed] = useMemo(() => {
    if (one) return [latenciesOf(times, one), columnsOf(times, [one], "throughput_p50")];
    const busiest = [...lines].sort((a, b) => successesOf(b) - successesOf(a)).slice(0, MOST_SERIES);
    return [columnsOf(times, busiest, "latency_p50"), columnsOf(times, busiest, "throughput_p50")];
  }, [lines, times, one]);
  const all = lines.length > MOST_SERIES ? `The ${MOST_SERIES} busiest` : "All of them";
  return (
    <>
      {lines.length > 1 ? (
        <div className="bar">
          <SelectField
            label={`Speed of which ${what}`}
            value={one?.name ?? ALL}
            onChange={(event) => pick(event.target.value)}
            options={[{ value: ALL, label: all }, ...lines.map(({ name }) => ({ value: name, label: name }))]}
          />
        </div>
      ) : null}
      <div className="columns">
        <Speed
          title={one ? "Time to first token" : "Time to first token, p50"}
          columns={latency as Columns}
          say={duration}
        />
        <Speed title="Throughput, p50" columns={speed as Columns} say={throughput} />
      </div>
    </>
  );
}

/** `what` one of the lines is: an endpoint, a credential. */
export function DayCharts({ day, what }: { day: Day; what: string }) {
  const times = useMemo(() => timesOf(day.frame), [day.frame]);
  const [asked, silent] = useMemo(
    () => [
      day.lines.filter((line) => line.buckets.length > 0),
      day.lines.filter((line) => line.buckets.length === 0),
    ],
    [day.lines],
  ) as [Line[], Line[]];
  if (asked.length === 0)
    return (
      <Card title="Uptime, last day">
        <p className="soft">No traffic in the last day.</p>
      </Card>
    );
  return (
    <>
      <Uptime lines={asked} silent={silent} times={times} />
      <Speeds lines={asked} times={times} what={what} />
    </>
  );
}
