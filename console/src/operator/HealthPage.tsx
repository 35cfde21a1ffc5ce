import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";

import { duration, throughput } from "~/format/number";
import { dateTime } from "~/format/time";
import { Ago } from "~/ui/Ago";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { Segments } from "~/ui/Field";
import { Badge, Empty, ErrorNote, Loading } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { type Column, Table } from "~/ui/Table";

import { type EndpointHealth, STATE_TONES, endpointHealthQuery, healthQuery, platformOf } from "./health";
import { useLive } from "./live";

const uptimeOf = (one: EndpointHealth, window: "5m" | "30m" | "1d"): number | null =>
  platformOf(one)?.windows[window].uptime ?? null;
const said = (percent: number | null): string => (percent === null ? "–" : `${percent.toFixed(2)}%`);

function HistoryDialog({ of, onClose }: { of: EndpointHealth; onClose: () => void }) {
  const { data, error, refetch } = useQuery(endpointHealthQuery(of.endpoint_id));
  return (
    <Dialog open size="wide" title={`${of.tag} · ${of.model}`} onClose={onClose}>
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {data ? (
        data.credentials.length === 0 ? (
          <p className="soft">Nothing was sent to it within the last day.</p>
        ) : (
          data.credentials.map((credential) => (
            <section className="stack" key={credential.credential_id ?? "platform"}>
              <h3>
                {credential.is_platform
                  ? "The platform's credential"
                  : `A tenant's credential ${credential.credential_id ?? ""}`}{" "}
                <Badge tone={STATE_TONES[credential.state]}>{credential.state}</Badge>
              </h3>
              <table className="plain-table">
                <tbody>
                  {(credential.history ?? []).map((change) => (
                    <tr key={`${change.at} ${change.event}`}>
                      <td>{dateTime(change.at)}</td>
                      <td>{change.event}</td>
                      <td>{change.cause ?? (change.times ? `${change.times} times` : "")}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
              {credential.history?.length ? null : <p className="soft">Its state never changed.</p>}
            </section>
          ))
        )
      ) : error ? null : (
        <Loading />
      )}
    </Dialog>
  );
}

export function HealthPage() {
  const { data, error, refetch } = useQuery(healthQuery);
  const live = useLive();
  const [query, setQuery] = useState("");
  const [which, setWhich] = useState<"all" | "unwell">("all");
  const [asked, ask] = useState<EndpointHealth | null>(null);
  const shown = useMemo(
    () =>
      data?.filter(
        (one) =>
          (which === "all" || one.state !== "healthy") &&
          `${one.tag} ${one.model} ${one.provider}`.toLowerCase().includes(query.toLowerCase()),
      ),
    [data, query, which],
  );
  const columns: Column<EndpointHealth>[] = [
    {
      id: "endpoint",
      head: "Endpoint",
      width: "minmax(240px, 3fr)",
      value: (one) => `${one.model} ${one.tag}`,
      cell: (one) => (
        <div className="stack-tight">
          <button type="button" className="link cut" onClick={() => ask(one)}>
            {one.model}
          </button>
          <span className="soft mono cut">{one.tag}</span>
        </div>
      ),
    },
    {
      id: "state",
      head: "State",
      width: "120px",
      value: (one) => one.state,
      cell: (one) => <Badge tone={STATE_TONES[one.state]}>{one.state}</Badge>,
    },
    {
      id: "usable",
      head: "Usable",
      width: "90px",
      value: (one) => Number(one.usable),
      cell: (one) => (one.usable ? "yes" : <Badge tone="bad">no</Badge>),
    },
    {
      id: "5m",
      head: "Up 5 min",
      width: "100px",
      align: "right",
      value: (one) => uptimeOf(one, "5m"),
      cell: (one) => said(uptimeOf(one, "5m")),
    },
    {
      id: "1d",
      head: "Up 1 day",
      width: "100px",
      align: "right",
      value: (one) => uptimeOf(one, "1d"),
      cell: (one) => said(uptimeOf(one, "1d")),
    },
    {
      id: "latency",
      head: "TTFT p50",
      width: "105px",
      align: "right",
      value: (one) => platformOf(one)?.latency_ms["5m"]?.p50,
      cell: (one) => duration(platformOf(one)?.latency_ms["5m"]?.p50),
    },
    {
      id: "p99",
      head: "TTFT p99",
      width: "105px",
      align: "right",
      value: (one) => platformOf(one)?.latency_ms["5m"]?.p99,
      cell: (one) => duration(platformOf(one)?.latency_ms["5m"]?.p99),
    },
    {
      id: "speed",
      head: "Speed p50",
      width: "110px",
      align: "right",
      value: (one) => platformOf(one)?.throughput["5m"]?.p50,
      cell: (one) => throughput(platformOf(one)?.throughput["5m"]?.p50),
    },
    {
      id: "seen",
      head: "Last asked",
      width: "140px",
      value: (one) => platformOf(one)?.last_seen,
      cell: (one) => <Ago of={platformOf(one)?.last_seen} />,
    },
  ];
  return (
    <Page
      isList
      title="Endpoint health"
      about={`Under the platform's own credential, as one router sees it; ${live.state === "live" ? "changes are shown as they happen" : "asked again every five seconds"}.`}
    >
      <div className="bar">
        <input
          type="search"
          className="input grow"
          placeholder="Search (press /)"
          aria-label="Search endpoints"
          value={query}
          onChange={(event) => setQuery(event.target.value)}
        />
        <Segments
          label="Which"
          options={[
            { value: "all", label: "All" },
            { value: "unwell", label: "Not well" },
          ]}
          value={which}
          onChange={setWhich}
        />
      </div>
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {shown ? (
        <Table
          label="Endpoints"
          rows={shown}
          columns={columns}
          rowKey={(one) => one.endpoint_id}
          rowHeight={60}
          empty={
            <Empty
              title={which === "unwell" ? "All are well" : "No such endpoint"}
              action={
                <Button
                  onClick={() => {
                    setQuery("");
                    setWhich("all");
                  }}
                >
                  Show all
                </Button>
              }
            />
          }
        />
      ) : error ? null : (
        <Loading />
      )}
      {asked ? <HistoryDialog of={asked} onClose={() => ask(null)} /> : null}
    </Page>
  );
}
