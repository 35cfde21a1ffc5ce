// How an endpoint is: its figures under each credential, its states over time, and what changed them.

import { useQuery } from "@tanstack/react-query";

import { count, duration, percent, throughput } from "~/format/number";
import { dateTime } from "~/format/time";
import { type CredentialHealth, STATE_TONES, endpointHealthQuery } from "~/operator/health";
import { Ago } from "~/ui/Ago";
import { Badge, ErrorNote, Loading } from "~/ui/Note";
import { Card, Scroll } from "~/ui/Page";

import { eventText, segmentsOf, sharesOf } from "./states";

const WINDOWS = [
  { name: "5m", label: "5 minutes" },
  { name: "30m", label: "30 minutes" },
  { name: "1d", label: "1 day" },
] as const;

const words = (state: string): string => state.replace("_", " ");

function Figures({ of }: { of: CredentialHealth }) {
  return (
    <Scroll label="Figures">
      <table className="plain-table">
        <thead>
          <tr>
            <th scope="col">Last</th>
            {["Well", "Faults", "Rate limits", "Uptime", "TTFT p50", "TTFT p99", "Speed p50"].map((head) => (
              <th scope="col" className="number" key={head}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {WINDOWS.map(({ name, label }) => {
            const window = of.windows[name];
            const latency = name === "1d" ? null : of.latency_ms[name];
            const speed = name === "1d" ? null : of.throughput[name];
            return (
              <tr key={name}>
                <th scope="row" className="line">
                  {label}
                </th>
                <td className="number">{count(window?.successes)}</td>
                <td className="number">{count(window?.faults)}</td>
                <td className="number">{count(window?.rate_limits)}</td>
                <td className="number">
                  {window?.uptime === null || window?.uptime === undefined
                    ? "–"
                    : `${window.uptime.toFixed(2)}%`}
                </td>
                <td className="number">{duration(latency?.p50)}</td>
                <td className="number">{duration(latency?.p99)}</td>
                <td className="number">{throughput(speed?.p50)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}

function StateLine({ of }: { of: CredentialHealth }) {
  const segments = segmentsOf(of.history ?? [], Date.now());
  if (segments.length === 0)
    return <p className="soft">Its state did not change since it was first asked.</p>;
  const [first, last] = [segments[0]!, segments.at(-1)!];
  const shares = sharesOf(segments);
  const label = shares.map((one) => `${words(one.state)} ${percent(one.share)}`).join(", ");
  return (
    <div className="stack-tight">
      <div className="state-line" role="img" aria-label={`States over time: ${label}`}>
        {segments.map((one) => (
          <span
            key={`${one.from} ${one.state}`}
            data-state={one.state}
            title={`${words(one.state)}, ${dateTime(new Date(one.from))} to ${dateTime(new Date(one.to))}`}
            style={{ flexGrow: one.to - one.from }}
          />
        ))}
      </div>
      <div className="state-ends">
        <span>{dateTime(new Date(first.from))}</span>
        <span>{label}</span>
        <span>{last.to >= Date.now() - 5000 ? "now" : dateTime(new Date(last.to))}</span>
      </div>
    </div>
  );
}

function Changes({ of }: { of: CredentialHealth }) {
  const history = [...(of.history ?? [])].sort((one, other) => other.at.localeCompare(one.at));
  if (history.length === 0) return null;
  return (
    <details>
      <summary>Changes of state ({history.length})</summary>
      <Scroll label="Changes of state">
        <table className="plain-table">
          <tbody>
            {history.map((change) => (
              <tr key={`${change.at} ${change.event}`}>
                <td>{dateTime(change.at)}</td>
                <td>{eventText(change)}</td>
                <td className="soft">
                  {change.cause ?? ""}
                  {change.until ? ` until ${dateTime(change.until)}` : ""}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </details>
  );
}

function Credential({ of }: { of: CredentialHealth }) {
  return (
    <section className="stack">
      <h3>
        {of.is_platform ? "With the platform's credential" : "With a tenant's own credential"}{" "}
        <Badge tone={STATE_TONES[of.state]}>{words(of.state)}</Badge>{" "}
        {of.outage ? <Badge tone="bad">outage</Badge> : null}
        {of.ejected_for_ms === null ? null : (
          <span className="soft">back in {duration(of.ejected_for_ms)} at the earliest</span>
        )}
      </h3>
      {of.is_platform || of.credential_id === null ? null : (
        <span className="soft mono">{of.credential_id}</span>
      )}
      <StateLine of={of} />
      <Figures of={of} />
      <Changes of={of} />
      <p className="soft">
        Last asked <Ago of={of.last_seen} />.
      </p>
    </section>
  );
}

export function HealthCard({ id }: { id: string }) {
  const { data, error, refetch } = useQuery(endpointHealthQuery(id));
  const ordered = [...(data?.credentials ?? [])].sort(
    (one, other) => Number(other.is_platform) - Number(one.is_platform),
  );
  return (
    <Card title="Health">
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {data === undefined ? (
        error ? null : (
          <Loading lines={4} />
        )
      ) : ordered.length === 0 ? (
        <p className="soft">Nothing was sent to it within the last day.</p>
      ) : (
        <div className="stack">
          {ordered.map((one) => (
            <Credential key={one.credential_id ?? "platform"} of={one} />
          ))}
        </div>
      )}
    </Card>
  );
}
