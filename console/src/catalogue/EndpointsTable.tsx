// Endpoints in a table: on their own page, and below their provider and their model.

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useMemo } from "react";

import { compact, duration, percent, throughput } from "~/format/number";
import { unwellQuery } from "~/operator/health";
import { Badge } from "~/ui/Note";
import { type Column, Table, type TableProps } from "~/ui/Table";

import { StateBadge } from "./parts";
import { classOf, picosOf, rateText } from "./rates";
import type { Endpoint } from "./rows";

/** States as they are now, of those that are not well. Rows are read once, health moves. */
export function useStates(): Map<string, string> | undefined {
  const { data } = useQuery(unwellQuery);
  return useMemo(() => data && new Map(data.map((one) => [one.endpoint_id, one.state])), [data]);
}

export const stateOf = (one: Endpoint, states: Map<string, string> | undefined): string =>
  states ? (states.get(one.id) ?? "healthy") : one.health.state;

/** Of what was seen in the last five minutes. */
function uptimeOf({ health }: Endpoint): number | null {
  const seen = health.successes + health.faults;
  return seen === 0 ? null : health.successes / seen;
}

// Of an endpoint that answered nobody, routing assumes figures: these are not shown as if they were seen.
const latencyOf = ({ health }: Endpoint): number | null =>
  health.successes === 0 ? null : health.latency_ms;
const speedOf = ({ health }: Endpoint): number | null => (health.successes === 0 ? null : health.throughput);

const priceValue = (one: Endpoint, name: "input" | "output"): number | null => {
  const picos = picosOf(one.price?.base[name] ?? "");
  return picos === null ? null : Number(picos);
};

const priceColumn = (name: "input" | "output"): Column<Endpoint> => ({
  id: name,
  head: `${classOf(name).label} / 1M`,
  width: "118px",
  align: "right",
  value: (one) => priceValue(one, name),
  cell: (one) => rateText(one.price?.base, name),
});

/** Below its model an endpoint goes by its tag, elsewhere by its model. */
function nameColumn(isOfModel: boolean): Column<Endpoint> {
  return {
    id: "endpoint",
    head: "Endpoint",
    width: "minmax(230px, 3fr)",
    value: (one) => (isOfModel ? one.tag : `${one.model} ${one.tag}`),
    cell: (one) => (
      <div className="stack-tight">
        <Link to="/operator/endpoints/$id" params={{ id: one.id }} className="cut">
          {isOfModel ? one.tag : one.model}
        </Link>
        <span className="soft mono cut">{isOfModel ? one.provider_model : one.tag}</span>
      </div>
    ),
  };
}

export function endpointColumns(
  states: Map<string, string> | undefined,
  isOfModel = false,
): Column<Endpoint>[] {
  return [
    nameColumn(isOfModel),
    {
      id: "state",
      head: "State",
      width: "130px",
      value: (one) => (one.usable ? stateOf(one, states) : `~${one.unusable_because ?? ""}`),
      cell: (one) => <StateBadge of={one} state={stateOf(one, states)} />,
    },
    {
      id: "uptime",
      head: "Up 5 min",
      width: "95px",
      align: "right",
      value: uptimeOf,
      cell: (one) => percent(uptimeOf(one)),
    },
    {
      id: "latency",
      head: "TTFT",
      width: "85px",
      align: "right",
      value: latencyOf,
      cell: (one) => duration(latencyOf(one)),
    },
    {
      id: "speed",
      head: "Speed",
      width: "105px",
      align: "right",
      value: speedOf,
      cell: (one) => throughput(speedOf(one)),
    },
    priceColumn("input"),
    priceColumn("output"),
    {
      id: "context",
      head: "Context",
      width: "90px",
      align: "right",
      value: (one) => one.context_length,
      cell: (one) => compact(one.context_length),
    },
    {
      id: "about",
      head: "Also",
      width: "minmax(170px, 1fr)",
      cell: (one) => (
        <span className="chips">
          {one.simulated ? <Badge tone="warn">simulated</Badge> : null}
          {one.service_tier ? <Badge>{one.service_tier}</Badge> : null}
          {one.region ? <Badge>{one.region}</Badge> : null}
          {one.quantization ? <Badge>{one.quantization}</Badge> : null}
          {one.deprecation_date ? <Badge title="Served until">until {one.deprecation_date}</Badge> : null}
        </span>
      ),
    },
  ];
}

export function EndpointsTable({
  rows,
  empty,
  isOfModel = false,
  ...others
}: { rows: Endpoint[]; empty: ReactNode; isOfModel?: boolean } & Pick<TableProps<Endpoint>, "isWhole">) {
  const states = useStates();
  const columns = useMemo(() => endpointColumns(states, isOfModel), [states, isOfModel]);
  return (
    <Table
      label="Endpoints"
      rows={rows}
      columns={columns}
      rowKey={(one) => one.id}
      rowHeight={60}
      empty={empty}
      {...others}
    />
  );
}
