import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { ApiError } from "~/api/errors";
import { count, duration } from "~/format/number";
import { Badge, Empty, ErrorNote, Loading, Note } from "~/ui/Note";
import { Page, Stats } from "~/ui/Page";
import { type Column, Table } from "~/ui/Table";

import { type ServiceStatus, type Status, TONES, bytes, ordered, statusQuery } from "./status";

const COLUMNS: Column<ServiceStatus>[] = [
  {
    id: "service",
    head: "Service",
    width: "minmax(200px, 1fr)",
    cell: (one) => (
      <div className="stack-tight">
        <span>{one.service}</span>
        {one.name && one.name !== one.service ? <span className="soft mono">{one.name}</span> : null}
      </div>
    ),
  },
  {
    id: "state",
    head: "State",
    width: "110px",
    cell: (one) => <Badge tone={TONES[one.state]}>{one.state}</Badge>,
  },
  {
    id: "latency",
    head: "Answers in",
    width: "120px",
    align: "right",
    cell: (one) => duration(one.latency_ms),
  },
  {
    id: "version",
    head: "Version",
    width: "210px",
    cell: (one) => <span className="mono">{one.version || "–"}</span>,
  },
  {
    id: "detail",
    head: "Says",
    width: "minmax(220px, 2fr)",
    cell: (one) => <span className="soft details">{one.detail || "–"}</span>,
  },
];

function Figures({ of }: { of: Status }) {
  const oldest = of.spool.oldest_seconds ?? null;
  const down = of.data.filter((one) => one.state === "down").length;
  return (
    <Stats
      figures={[
        {
          label: "Services",
          value: down === 0 ? <Badge tone="good">all up</Badge> : <Badge tone="bad">{down} down</Badge>,
          note: `${count(of.data.length)} known`,
        },
        {
          label: "Waits in spools",
          value: count(of.spool.records),
          note: `${bytes(of.spool.bytes)}, running requests included`,
        },
        {
          label: "Oldest in a spool",
          value: oldest === null ? "–" : duration(oldest * 1000),
        },
        {
          label: "Parked messages",
          value: <Link to="/operator/parked">{count(of.parked)}</Link>,
          note: of.parked ? "wait for a decision" : null,
        },
      ]}
    />
  );
}

export function StatusPage() {
  const { data, error, refetch } = useQuery(statusQuery);
  const isAbsent = error instanceof ApiError && error.status === 404;
  return (
    <Page
      title="System status"
      about="Every service of the platform and what it stands on, asked again every five seconds."
    >
      {isAbsent ? (
        <Empty title="This platform does not tell its status">
          Its edge is older than this console. <Link to="/operator/health">Endpoint health</Link> and{" "}
          <Link to="/operator/invariants">invariants</Link> are there.
        </Empty>
      ) : error ? (
        <ErrorNote error={error} onRetry={() => void refetch()} />
      ) : null}
      {data && !isAbsent ? (
        <>
          <Figures of={data} />
          {data.data.some((one) => one.state === "down") ? (
            <Note tone="bad">
              Something is down. What it did waits or is done by others; nothing is charged twice.
            </Note>
          ) : null}
          <Table
            label="Services"
            rows={ordered(data.data)}
            columns={COLUMNS}
            rowKey={(one) => `${one.service} ${one.name}`}
            rowHeight={56}
            isWhole={data.data.length <= 20}
            empty={<p className="soft">No service is known.</p>}
          />
        </>
      ) : error ? null : (
        <Loading />
      )}
    </Page>
  );
}
