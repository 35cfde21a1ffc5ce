import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";

import { Chart } from "~/charts/Chart";
import { MOST_SERIES, buckets, columnsOf } from "~/charts/series";
import { usd, usdOfNano } from "~/format/money";
import { compact, count, duration, percent } from "~/format/number";
import { Segments } from "~/ui/Field";
import { Badge, Empty, ErrorNote, Loading, Note } from "~/ui/Note";
import { Card, Page, Stats } from "~/ui/Page";

import { LiveTraffic } from "./LiveTraffic";
import { unwellQuery } from "./health";
import { invariantsQuery } from "./invariants";
import { useTenantNames } from "./TenantLink";
import { GROUPS, type Group, type Measure, pointsOf, sumsOf, usageQuery } from "./usage";

const HOUR = 3_600_000;
const RANGES = [
  { value: "24h", label: "24 hours" },
  { value: "7d", label: "7 days" },
  { value: "30d", label: "30 days" },
] as const;
type Range = (typeof RANGES)[number]["value"];
const SPANS: Record<Range, { milliseconds: number; grain: "hour" | "day" }> = {
  "24h": { milliseconds: 24 * HOUR, grain: "hour" },
  "7d": { milliseconds: 7 * 24 * HOUR, grain: "day" },
  "30d": { milliseconds: 30 * 24 * HOUR, grain: "day" },
};
const MEASURES: { value: Measure; label: string }[] = [
  { value: "charge", label: "Charged" },
  { value: "provider_cost", label: "Cost" },
  { value: "requests", label: "Requests" },
  { value: "errors", label: "Errors" },
];

function useSpan(range: Range) {
  // Whole buckets, so that asking again is the same question; the last one is asked for until its end.
  const { milliseconds, grain } = SPANS[range];
  const bucket = grain === "hour" ? HOUR : 24 * HOUR;
  const last = Math.floor(Date.now() / bucket) + 1;
  return useMemo(() => {
    const until = new Date(last * bucket);
    return { since: new Date(until.getTime() - milliseconds), until, grain };
  }, [milliseconds, grain, bucket, last]);
}

function History({ range }: { range: Range }) {
  const span = useSpan(range);
  const [group, setGroup] = useState<Group>("model");
  const [measure, setMeasure] = useState<Measure>("charge");
  const names = useTenantNames();
  const { data, error, refetch } = useQuery(
    usageQuery({
      since: span.since.toISOString(),
      until: span.until.toISOString(),
      grain: span.grain,
      group,
      top: { groups: MOST_SERIES - 1, by: measure },
    }),
  );
  const columns = useMemo(() => {
    const times = buckets(span.since.getTime() / 1000, span.until.getTime() / 1000, span.grain);
    return data ? columnsOf(pointsOf(data.data, group, measure, span.grain, names), times) : null;
  }, [data, names, span, group, measure]);
  return (
    <Card
      actions={
        <div className="bar">
          <Segments label="Measure" options={MEASURES} value={measure} onChange={setMeasure} />
          <Segments label="Group" options={GROUPS} value={group} onChange={setGroup} />
        </div>
      }
    >
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {columns === null ? (
        error ? null : (
          <Loading lines={7} />
        )
      ) : columns.series.length === 0 ? (
        <Empty title="No traffic in this time" />
      ) : (
        <Chart
          label={`Traffic ${group}`}
          columns={columns}
          granularity={span.grain}
          say={measure === "charge" || measure === "provider_cost" ? usd : compact}
        />
      )}
      {data?.truncated ? (
        <Note tone="warn">There are more groups than one answer holds: the chart shows a part.</Note>
      ) : null}
    </Card>
  );
}

function Totals({ range }: { range: Range }) {
  const span = useSpan(range);
  const { data, error, refetch } = useQuery(
    usageQuery({ since: span.since.toISOString(), until: span.until.toISOString(), grain: span.grain }),
  );
  if (error) return <ErrorNote error={error} onRetry={() => void refetch()} />;
  const sums = data ? sumsOf(data.data) : null;
  return (
    <Stats
      figures={[
        { label: "Requests", value: count(sums?.requests) },
        {
          label: "Error rate",
          value: sums ? percent(sums.requests === 0 ? 0 : sums.errors / sums.requests) : "–",
        },
        { label: "Latency, mean", value: duration(sums?.latency) },
        {
          label: "Charged",
          value: sums ? <span title={usdOfNano(sums.charge)}>{usd(Number(sums.charge) / 1e9)}</span> : "–",
        },
        {
          label: "Cost at providers",
          value: sums ? <span title={usdOfNano(sums.cost)}>{usd(Number(sums.cost) / 1e9)}</span> : "–",
        },
        {
          label: "Margin",
          value: sums ? usd(Number(sums.margin) / 1e9) : "–",
          note: sums && sums.charge > 0n ? percent(Number(sums.margin) / Number(sums.charge)) : null,
        },
      ]}
    />
  );
}

function Standing() {
  const invariants = useQuery(invariantsQuery);
  const unwell = useQuery(unwellQuery);
  const breached = invariants.data?.invariants.filter((one) => one.breaches > 0) ?? [];
  const isChecked = invariants.data?.invariants.every((one) => one.checked_at) === true;
  return (
    <div className="columns">
      <Card title="Money">
        {invariants.error ? (
          <ErrorNote error={invariants.error} onRetry={() => void invariants.refetch()} />
        ) : null}
        {invariants.data ? (
          <p>
            {breached.length > 0 ? (
              <Badge tone="bad">
                {breached.length === 1 ? "1 invariant is" : `${breached.length} invariants are`} breached
              </Badge>
            ) : isChecked ? (
              <Badge tone="good">every invariant holds</Badge>
            ) : (
              <Badge>not checked yet</Badge>
            )}{" "}
            <Link to="/operator/invariants">All of them</Link>
          </p>
        ) : null}
      </Card>
      <Card title="Endpoints">
        {unwell.error ? <ErrorNote error={unwell.error} onRetry={() => void unwell.refetch()} /> : null}
        {unwell.data ? (
          <p>
            {unwell.data.length === 0 ? (
              <Badge tone="good">all are well</Badge>
            ) : (
              <Badge tone="warn">
                {unwell.data.length} {unwell.data.length === 1 ? "is" : "are"} not well
              </Badge>
            )}{" "}
            <Link to="/operator/health">All of them</Link>
          </p>
        ) : null}
      </Card>
    </div>
  );
}

export function OverviewPage() {
  const [range, setRange] = useState<Range>("24h");
  return (
    <Page
      title="Overview"
      about="The whole platform, up to this moment; asked again every 15 seconds."
      actions={<Segments label="Time" options={RANGES} value={range} onChange={setRange} />}
    >
      <LiveTraffic />
      <Totals range={range} />
      <Standing />
      <History range={range} />
    </Page>
  );
}
