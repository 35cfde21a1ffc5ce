// A routing decision in words and figures: what the names led to, who was drawn, and every endpoint with what became of it.

import { Link } from "@tanstack/react-router";
import { useMemo } from "react";

import "~/catalogue/catalogue.css";
import { usd } from "~/format/money";
import { duration, percent, throughput } from "~/format/number";
import { basisPoints } from "~/operator/plans";
import { CodeBlock } from "~/ui/Copy";
import { Badge, Note, type Tone } from "~/ui/Note";
import { Card, Facts } from "~/ui/Page";
import { Prose } from "~/ui/Prose";
import { type Column, Table } from "~/ui/Table";

import type { Considered, Draw, Explanation } from "./decisions";
import { couldServe, headline, orderText, outcomeOf, reasonText, sharesOf, strategyText } from "./words";

const TONES: Record<string, Tone> = {
  closed: "good",
  cooling: "warn",
  half_open: "warn",
  recovering: "warn",
  ejected: "bad",
};

function EndpointName({ of }: { of: Considered }) {
  return (
    <div className="stack-tight">
      <Link to="/operator/endpoints/$id" params={{ id: of.id }} className="cut">
        {of.tag}
      </Link>
      <span className="soft mono cut">{of.model}</span>
    </div>
  );
}

function Verdict({ of }: { of: Considered }) {
  if (of.selected)
    return (
      <Badge tone={of.position === 1 ? "good" : "accent"}>
        {of.position === 1 ? "first" : `${of.position}.`}
      </Badge>
    );
  return couldServe(of) ? <Badge>beyond the end</Badge> : <Badge tone="bad">left out</Badge>;
}

function columns(shares: Map<string, number>): Column<Considered>[] {
  return [
    {
      id: "place",
      head: "Place",
      width: "125px",
      value: (one) => one.position ?? (couldServe(one) ? 1000 : 2000),
      cell: (one) => <Verdict of={one} />,
    },
    {
      id: "endpoint",
      head: "Endpoint",
      width: "minmax(180px, 1fr)",
      value: (one) => one.tag,
      cell: (one) => <EndpointName of={one} />,
    },
    {
      id: "why",
      head: "Why",
      width: "minmax(240px, 3fr)",
      cell: (one) => (
        <span>
          <Prose text={outcomeOf(one).join(" ")} />
        </span>
      ),
    },
    {
      id: "share",
      head: "Odds",
      width: "95px",
      align: "right",
      value: (one) => shares.get(one.id),
      cell: (one) => {
        const share = shares.get(one.id);
        return share === undefined ? (
          "–"
        ) : (
          <div className="stack-tight">
            <span>{percent(share)}</span>
            <div className="share" aria-hidden="true">
              <span style={{ width: `${share * 100}%` }} />
            </div>
          </div>
        );
      },
    },
    {
      id: "price",
      head: <span title="Three prompt tokens to each completion token">USD / 1M</span>,
      width: "100px",
      align: "right",
      value: (one) => (one.price_per_million ? Number(one.price_per_million) : null),
      cell: (one) => (
        <div className="stack-tight">
          <span>{usd(one.price_per_million ?? null)}</span>
          {one.markup_basis_points ? (
            <small className="soft">with {basisPoints(one.markup_basis_points)} on top</small>
          ) : null}
        </div>
      ),
    },
    {
      id: "latency",
      head: "TTFT",
      width: "85px",
      align: "right",
      value: (one) => one.latency_ms,
      cell: (one) => duration(one.latency_ms),
    },
    {
      id: "speed",
      head: "Speed",
      width: "95px",
      align: "right",
      value: (one) => one.throughput,
      cell: (one) => throughput(one.throughput),
    },
    {
      id: "state",
      head: "Health",
      width: "105px",
      value: (one) => one.state,
      cell: (one) =>
        one.state === undefined ? (
          "–"
        ) : (
          <Badge tone={TONES[one.state]}>
            {one.state === "closed" ? "healthy" : one.state.replace("_", " ")}
          </Badge>
        ),
    },
  ];
}

function Names({ of }: { of: Explanation }) {
  if (of.names.length === 0) return null;
  return (
    <Card title="What the names led to">
      <table className="plain-table">
        <tbody>
          {of.names.map((one, place) => (
            <tr key={`${place} ${one.name}`}>
              <th scope="row" className="mono">
                {one.name}
              </th>
              <td>
                {one.reason ? (
                  <Badge tone="bad">
                    <Prose text={reasonText(one.reason)} />
                  </Badge>
                ) : (
                  <>
                    <span className="mono">{one.model}</span> <span className="soft">({one.via})</span>
                  </>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

/** In a plan of several models there is a draw for each. */
function DrawNote({ draws }: { draws: Draw[] }) {
  if (draws.length < 2) return null;
  return (
    <p className="soft">
      There were {draws.length} draws, one for each model and standing; the odds are those of the first that
      an endpoint was in.
    </p>
  );
}

export function ExplanationView({ of }: { of: Explanation }) {
  const shares = useMemo(() => sharesOf(of), [of]);
  const head = useMemo(() => columns(shares), [shares]);
  const held = of.held ? of.endpoints.find((one) => one.id === of.held?.endpoint_id) : undefined;
  return (
    <>
      <Note tone={of.refused ? "bad" : "good"}>{headline(of)}</Note>
      <div className="columns">
        <Card title="How it came about">
          <Facts
            facts={[
              ["Model", <Prose key="model" text={strategyText(of.strategy)} />],
              ["Order", <Prose key="order" text={orderText(of.order)} />],
              ["Attempts at most", of.policy ? String(of.policy.max_attempts) : "–"],
              [
                "Conversation",
                of.held ? `held by ${held?.tag ?? of.held.endpoint_id}` : "none, or nobody holds it",
              ],
              ["Catalogue", `version ${of.catalogue_version}`],
              ["Seed", <span className="mono">{of.seed}</span>],
            ]}
          />
        </Card>
        <Names of={of} />
      </div>
      {of.routers && of.routers.length > 0 ? (
        <details>
          <summary>What the router model went by</summary>
          <CodeBlock label="What the router model went by" code={JSON.stringify(of.routers, null, 2)} />
        </details>
      ) : null}
      <h2>Every endpoint</h2>
      <DrawNote draws={of.draws ?? []} />
      <Table
        label="Endpoints"
        rows={of.endpoints}
        columns={head}
        rowKey={(one) =>
          `${one.id} ${one.credential_id ?? ""} ${String(one.is_byok ?? false)} ${one.position ?? one.reason ?? ""}`
        }
        rowHeight={66}
        empty={<p className="soft">No endpoint was considered.</p>}
      />
    </>
  );
}
