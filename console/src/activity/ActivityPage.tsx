import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";

import { Chart } from "~/charts/Chart";
import { usd } from "~/format/money";
import { compact, count, duration, percent, throughput } from "~/format/number";
import { Button, ButtonLink } from "~/ui/Button";
import { Segments } from "~/ui/Field";
import { Empty, ErrorNote, Loading, Note } from "~/ui/Note";
import { Card, Page, Stats } from "~/ui/Page";
import { type Column, Table } from "~/ui/Table";

import { Generations } from "./Generations";
import {
  LABELS,
  METRIC_FACTS,
  type Row,
  chartOf,
  filterValueIn,
  numberIn,
  seriesQuery,
  tableQuery,
  textIn,
  totalsQuery,
} from "./analytics";
import {
  type ActivitySearch,
  DIMENSIONS,
  type Dimension,
  type Filter,
  METRICS,
  type Metric,
  RANGES,
  type Span,
  filtersOf,
  isSingleRange,
  spanOf,
  textOf,
} from "./search";

const route = getRouteApi("/inside/activity");

const NAMES: Record<string, string> = {
  ...LABELS,
  finish_reason: "Finish reason",
  external_user: "End user",
  origin: "Origin",
};

function Totals({ span, filters }: { span: Span; filters: Filter[] }) {
  const { data, error, refetch } = useQuery(totalsQuery(span, filters));
  if (error) return <ErrorNote error={error} onRetry={() => void refetch()} />;
  const row = data?.rows[0] ?? {};
  const value = (name: string) => (data ? (numberIn(row, name) ?? 0) : null);
  return (
    <>
      {data?.warnings.map((warning) => (
        <Note key={warning} tone="warn">
          {warning}
        </Note>
      ))}
      <Stats
        figures={[
          {
            label: "Spend",
            value: usd(value("total_usage")),
            note: value("byok_usage") ? `of it ${usd(value("byok_usage"))} at own providers` : null,
          },
          { label: "Requests", value: count(value("request_count")) },
          { label: "Error rate", value: percent(value("error_rate")) },
          { label: "Tokens", value: compact(value("tokens_total")) },
          {
            label: "Read from caches",
            value: percent(value("cache_hit_rate")),
            note: `${compact(value("cached_tokens"))} tokens`,
          },
        ]}
      />
    </>
  );
}

function History({
  span,
  by,
  metric,
  filters,
}: {
  span: Span;
  by: Dimension;
  metric: Metric;
  filters: Filter[];
}) {
  const { data, error, isPlaceholderData, refetch } = useQuery(seriesQuery(span, by, metric, filters));
  const columns = useMemo(
    () => (data && !isPlaceholderData ? chartOf(data.rows, span, by, metric) : null),
    [data, isPlaceholderData, span, by, metric],
  );
  if (error) return <ErrorNote error={error} onRetry={() => void refetch()} />;
  if (columns === null) return <Loading lines={7} />;
  if (columns.series.length === 0) {
    return (
      <Empty
        title="Nothing was used in this time"
        action={<ButtonLink to="/">Make a first request</ButtonLink>}
      >
        Usage shows up within a second of a request&apos;s end.
      </Empty>
    );
  }
  const { label, say, adds } = METRIC_FACTS[metric];
  return (
    <>
      <Chart
        label={`${label} by ${LABELS[by].toLowerCase()}`}
        columns={columns}
        granularity={span.granularity}
        say={say}
        kind={adds ? "stack" : "line"}
      />
      {data?.isTruncated ? (
        <Note tone="warn">There are more groups than one answer holds: the chart shows a part of them.</Note>
      ) : null}
    </>
  );
}

function columnsOf(by: Dimension, onFilter: (filter: Filter) => void): Column<Row>[] {
  const figure = (
    id: string,
    head: string,
    say: (value: number | null) => string,
    width = "110px",
  ): Column<Row> => ({
    id,
    head,
    width,
    align: "right",
    value: (row) => numberIn(row, id),
    cell: (row) => say(numberIn(row, id)),
  });
  return [
    {
      id: "name",
      head: LABELS[by],
      width: "minmax(220px, 3fr)",
      value: (row) => textIn(row, by),
      cell: (row) => {
        const value = filterValueIn(row, by);
        const name = textIn(row, by);
        if (value === null) return <span className="soft">none</span>;
        return (
          <button
            type="button"
            className="link"
            title="Show only this"
            onClick={() => onFilter({ field: by, value })}
          >
            {name ?? value}
          </button>
        );
      },
    },
    figure("total_usage", "Spend", usd),
    figure("request_count", "Requests", count),
    figure("tokens_prompt", "Tokens in", compact),
    figure("tokens_completion", "Tokens out", compact),
    figure("error_rate", "Errors", (value) => percent(value), "90px"),
    figure("avg_latency", "Latency", duration, "100px"),
    figure("avg_throughput", "Speed", throughput, "110px"),
  ];
}

function Groups({
  span,
  by,
  filters,
  onFilter,
}: {
  span: Span;
  by: Dimension;
  filters: Filter[];
  onFilter: (filter: Filter) => void;
}) {
  const { data, error, refetch } = useQuery(tableQuery(span, by, filters));
  const columns = useMemo(() => columnsOf(by, onFilter), [by, onFilter]);
  if (error) return <ErrorNote error={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading />;
  if (data.rows.length === 0) return null;
  return (
    <Table
      label={`Usage by ${LABELS[by].toLowerCase()}`}
      rows={data.rows}
      columns={columns}
      rowKey={(row) => filterValueIn(row, by) ?? ""}
      isWhole={data.rows.length <= 12}
    />
  );
}

function FilterChips({ filters, onChange }: { filters: Filter[]; onChange: (filters: Filter[]) => void }) {
  if (filters.length === 0) return null;
  return (
    <div className="chips" role="group" aria-label="Filters">
      {filters.map((filter) => (
        <Button
          key={`${filter.field}:${filter.value}`}
          size="small"
          onClick={() => onChange(filters.filter((other) => other !== filter))}
          aria-label={`Remove the filter ${NAMES[filter.field]} ${filter.value}`}
        >
          <span className="soft">{NAMES[filter.field]}</span>{" "}
          <span className="whole chip-value">{filter.value}</span> ✕
        </Button>
      ))}
    </div>
  );
}

const minuteNow = () => Math.floor(Date.now() / 60_000) + 1;

/** The end of the present minute. The time that is meant moves on with it, but not while the page is only drawn again. */
function useMinute(): number {
  const [minute, setMinute] = useState(minuteNow);
  useEffect(() => {
    const timer = setInterval(() => setMinute(minuteNow()), 5000);
    return () => clearInterval(timer);
  }, []);
  return minute;
}

export function ActivityPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { range = "7d", by = "model", metric = "total_usage" } = search;
  const filters = useMemo(() => filtersOf(search.filters), [search.filters]);
  const minute = useMinute();
  const span = useMemo(() => spanOf(range, new Date(minute * 60_000)), [range, minute]);
  // Apps are told from single generations.
  const isTooLong = by === "app" && !isSingleRange(range);

  function change(changes: ActivitySearch): void {
    void navigate({ search: (old) => ({ ...old, ...changes }), replace: true });
  }
  const keep = (next: Filter[]) => change({ filters: textOf(next) });
  const add = useMemo(
    () => (filter: Filter) => {
      const others = filters.filter((other) => other.field !== filter.field);
      void navigate({ search: (old) => ({ ...old, filters: textOf([...others, filter]) }) });
    },
    [filters, navigate],
  );

  return (
    <Page
      title="Activity"
      about="What the organisation used and what it cost, up to this moment. Days are those of UTC."
      actions={
        <Segments
          label="Time"
          options={RANGES.map((value) => ({ value, label: value }))}
          value={range}
          onChange={(value) => change({ range: value })}
        />
      }
    >
      <FilterChips filters={filters} onChange={keep} />
      <Totals span={span} filters={filters} />
      <Card
        actions={
          <div className="bar">
            <Segments
              label="Metric"
              options={METRICS.map((value) => ({ value, label: METRIC_FACTS[value].label }))}
              value={metric}
              onChange={(value) => change({ metric: value })}
            />
            <select
              className="input"
              aria-label="Group by"
              value={by}
              onChange={(event) => change({ by: event.target.value as Dimension })}
            >
              {DIMENSIONS.map((value) => (
                <option key={value} value={value}>
                  by {LABELS[value].toLowerCase()}
                </option>
              ))}
            </select>
          </div>
        }
      >
        {isTooLong ? (
          <Note>Apps are told from single generations, at most 31 days of them: choose a shorter time.</Note>
        ) : (
          <History span={span} by={by} metric={metric} filters={filters} />
        )}
      </Card>
      {isTooLong ? null : <Groups span={span} by={by} filters={filters} onFilter={add} />}
      {isSingleRange(range) ? (
        <Generations
          span={span}
          filters={filters}
          status={search.status}
          names={NAMES}
          onFilter={add}
          onStatus={(status) => change({ status })}
        />
      ) : (
        <Note>Single generations are listed for at most 30 days at a time.</Note>
      )}
    </Page>
  );
}
