// What a new price does: rate by rate, to the margin of a plan, to the place by price, and to yesterday's decisions.

import { useMutation, useQuery } from "@tanstack/react-query";
import { Fragment, useState } from "react";

import { admin, document } from "~/api/client";
import type { Report } from "~/decisions/decisions";
import { usdOfNano } from "~/format/money";
import { count, percent } from "~/format/number";
import { dateTime } from "~/format/time";
import { type Plan, basisPoints, plansQuery } from "~/operator/plans";
import { Scroll } from "~/ui/Page";
import { Button } from "~/ui/Button";
import { SelectField } from "~/ui/Field";
import { ErrorNote, Note } from "~/ui/Note";

import { rankText } from "./PreviewNote";
import {
  type Line,
  type Price,
  changeOf,
  classOf,
  dollars,
  linesOf,
  marginOf,
  markupAt,
  percentText,
} from "./rates";
import type { Endpoint, Preview } from "./rows";

const toneOf = (change: number | null): string | undefined =>
  change === null || change === 0 ? undefined : change > 0 ? "rise" : "fall";

function RateCell({ line, side }: { line: Line; side: "from" | "to" }) {
  const { picos, as } = line[side];
  return (
    <td className="number">
      {dollars(picos, classOf(line.name))}
      {as === null ? null : <div className="soft">as {classOf(as).label.toLowerCase()}</div>}
    </td>
  );
}

function EffectTable({ lines, markup }: { lines: Line[]; markup: number | null }) {
  const margin = (picos: bigint | null, line: Line) =>
    markup === null ? "–" : dollars(marginOf(picos, markup), classOf(line.name));
  const places = [...new Set(lines.map((line) => line.where))];
  return (
    <Scroll label="What the rates would become">
      <table className="plain-table">
        <thead>
          <tr>
            <th scope="col">Rate</th>
            <th scope="col" className="number">
              Now
            </th>
            <th scope="col" className="number">
              Then
            </th>
            <th scope="col" className="number">
              Change
            </th>
            <th scope="col" className="number">
              Margin now
            </th>
            <th scope="col" className="number">
              Margin then
            </th>
          </tr>
        </thead>
        <tbody>
          {places.map((where) => (
            <Fragment key={where}>
              {where === "" ? null : (
                <tr>
                  <th scope="colgroup" colSpan={6}>
                    {where}
                  </th>
                </tr>
              )}
              {lines
                .filter((line) => line.where === where)
                .map((line) => {
                  const change = changeOf(line.from.picos, line.to.picos);
                  return (
                    <tr key={line.name} className={line.isChanged ? undefined : "soft"}>
                      <th scope="row">
                        {classOf(line.name).label}{" "}
                        <span className="field-hint">/ {classOf(line.name).per}</span>
                      </th>
                      <RateCell line={line} side="from" />
                      <RateCell line={line} side="to" />
                      <td className={`number ${toneOf(change) ?? ""}`}>{percentText(change)}</td>
                      <td className="number">{margin(line.from.picos, line)}</td>
                      <td className="number">{margin(line.to.picos, line)}</td>
                    </tr>
                  );
                })}
            </Fragment>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function usePlan(): { plans: Plan[]; plan: Plan | undefined; choose: (name: string) => void } {
  const { data: plans } = useQuery(plansQuery);
  const [name, choose] = useState("");
  const plan =
    plans?.find((one) => one.name === name) ?? plans?.find((one) => one.name === "default") ?? plans?.[0];
  return { plans: plans ?? [], plan, choose };
}

const DAY = 86_400_000;

/** The decisions of the last day, made again with the new price. */
function Yesterday({ endpoint, price }: { endpoint: Endpoint; price: Price }) {
  const run = useMutation({
    mutationFn: () =>
      document<Report>(
        admin.POST("/route/replay", {
          body: {
            since: new Date(Date.now() - DAY).toISOString(),
            limit: 20_000,
            prices: [{ endpoint_id: endpoint.id, price }],
          },
        }),
      ),
  });
  const report = run.data;
  const own = report?.providers.find((one) => one.provider === endpoint.provider);
  return (
    <div className="stack">
      <div className="bar">
        <Button size="small" busy={run.isPending} onClick={() => run.mutate()}>
          Try it on the decisions of the last 24 hours
        </Button>
        {run.isPending ? <span className="soft">Up to 20,000 decisions are made again.</span> : null}
      </div>
      {run.error ? <ErrorNote error={run.error} /> : null}
      {report ? (
        report.decisions === 0 ? (
          <Note>No decision of the last day is kept.</Note>
        ) : (
          <Note tone="accent">
            Of {count(report.decisions)} decisions {count(report.first_choice_changed)} would have gone
            elsewhere first. Their estimated cost: {usdOfNano(BigInt(report.estimated_cost_nanos.before))}{" "}
            before, {usdOfNano(BigInt(report.estimated_cost_nanos.after))} after.
            {own
              ? ` Share of ${endpoint.provider}: ${percent(own.before.share)} before, ${percent(own.after.share)} after.`
              : ` ${endpoint.provider} was nobody's first choice, before or after.`}
          </Note>
        )
      ) : null}
    </div>
  );
}

export function PriceEffect({
  endpoint,
  preview,
  price,
}: {
  endpoint: Endpoint;
  preview: Preview;
  price: Price;
}) {
  const { plans, plan, choose } = usePlan();
  const lines = linesOf(preview.price?.from ?? endpoint.price, preview.price?.to ?? price);
  const markup = plan ? markupAt(plan, endpoint.provider, endpoint.model) : null;
  const at = preview.price?.effective_at ?? null;
  return (
    <div className="stack">
      <p>
        <strong>{endpoint.tag}</strong> · {endpoint.model} ·{" "}
        {at === null ? "at once" : `from ${dateTime(at)} (${new Date(at).toISOString().replace(".000", "")})`}
      </p>
      {lines.every((line) => !line.isChanged) ? (
        <Note>No rate would change; a new version would be written all the same.</Note>
      ) : null}
      <EffectTable lines={lines} markup={markup} />
      {plans.length > 0 ? (
        <SelectField
          label="Margin on the plan"
          hint={
            markup === 0
              ? "It has no markup here: its tenants pay what the platform pays."
              : `Its tenants pay the price and ${basisPoints(markup)} on top: with the price moves what they pay, and the margin.`
          }
          options={plans.map((one) => ({ value: one.name, label: one.name }))}
          value={plan?.name ?? ""}
          onChange={(event) => choose(event.target.value)}
        />
      ) : null}
      {preview.rank ? <p>{rankText(preview.rank)}</p> : null}
      <Yesterday endpoint={endpoint} price={price} />
    </div>
  );
}
