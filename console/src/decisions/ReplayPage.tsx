// Past decisions made again under other rules. The API answers once, at the end; leaving or stopping ends it there too.

import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";

import { admin, document } from "~/api/client";
import { percentText } from "~/catalogue/rates";
import { endpointQuery } from "~/catalogue/rows";
import { usdOfNano } from "~/format/money";
import { count, duration, percent } from "~/format/number";
import { dateTime } from "~/format/time";
import { Button, ButtonLink } from "~/ui/Button";
import { FieldGroup, SelectField, TextArea, TextField } from "~/ui/Field";
import { fieldsOf } from "~/ui/form";
import { Empty, ErrorNote, Note } from "~/ui/Note";
import { Card, Page, Stats, Scroll } from "~/ui/Page";

import "~/catalogue/catalogue.css";
import type { Both, Report } from "./decisions";
import { EMPTY, type Replay, type ReplayForm, replayOf, shift } from "./replay";

const route = getRouteApi("/inside/operator/replay");

const SPANS = [
  { value: "1", label: "the last hour" },
  { value: "24", label: "the last day" },
  { value: "72", label: "the last three days" },
  { value: "168", label: "the last week" },
];

const PRICES = `[{"model": "deepseek/deepseek-chat", "provider": "novita",
  "price": {"base": {"input": "0.0000004", "output": "0.0000012"}}}]`;

function Fields({ form, onChange }: { form: ReplayForm; onChange: (changes: Partial<ReplayForm>) => void }) {
  const { field } = fieldsOf(form, onChange);
  return (
    <>
      <FieldGroup legend="Which decisions">
        <div className="member-fields">
          <SelectField label="Of" options={SPANS} {...field("hours")} />
          <TextField
            label="At most"
            hint="The oldest first; up to 100,000."
            inputMode="numeric"
            {...field("limit")}
          />
        </div>
      </FieldGroup>
      <FieldGroup legend="What would be otherwise">
        <div className="member-fields">
          <TextField
            label="Attempts at most"
            placeholder="as it was"
            inputMode="numeric"
            {...field("attempts")}
          />
          <TextField
            label="Markup (%)"
            placeholder="each tenant's own"
            inputMode="decimal"
            {...field("markup")}
          />
          <TextField
            label="Without"
            placeholder="openai, azure"
            hint="Slugs of providers, ids of endpoints."
            {...field("disable")}
          />
          <div data-wide>
            <TextArea
              label="Prices"
              isCode
              rows={form.prices.includes("\n") ? 12 : 3}
              placeholder={PRICES}
              hint="A list of JSON, each for one endpoint_id, or for a model at a provider; rates in USD per token."
              {...field("prices")}
            />
          </div>
          <div data-wide>
            <TextArea
              label="Further members of the policy"
              isCode
              rows={2}
              placeholder='{"auto": {"cost_tier": "medium"}}'
              {...field("policy")}
            />
          </div>
        </div>
      </FieldGroup>
    </>
  );
}

const cost = (nanos: string): string => usdOfNano(BigInt(nanos));

function Shift({ of, isGoodLess = true }: { of: Both<number | string | null>; isGoodLess?: boolean }) {
  const change = shift(of);
  if (change === null || Math.abs(change) < 0.05) return <span className="soft">unchanged</span>;
  return <span className={change > 0 === isGoodLess ? "rise" : "fall"}>{percentText(change)}</span>;
}

interface Row {
  name: string;
  before: { share: number; estimated_cost_nanos: string };
  after: { share: number; estimated_cost_nanos: string };
}

function Shares({ label, rows }: { label: string; rows: Row[] }) {
  const sorted = [...rows].sort(
    (one, other) => other.after.share + other.before.share - one.after.share - one.before.share,
  );
  return (
    <Card title={label}>
      <Scroll label={label}>
        <table className="plain-table">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Share of first choices</th>
              <th scope="col" className="number">
                Before
              </th>
              <th scope="col" className="number">
                After
              </th>
              <th scope="col" className="number">
                Cost before
              </th>
              <th scope="col" className="number">
                After
              </th>
            </tr>
          </thead>
          <tbody>
            {sorted.map((one) => (
              <tr key={one.name}>
                <th scope="row">{one.name}</th>
                <td>
                  <div className="stack-tight" aria-hidden="true">
                    <div className="share">
                      <span data-part="before" style={{ width: `${one.before.share * 100}%` }} />
                    </div>
                    <div className="share">
                      <span style={{ width: `${one.after.share * 100}%` }} />
                    </div>
                  </div>
                </td>
                <td className="number">{percent(one.before.share)}</td>
                <td className="number">{percent(one.after.share)}</td>
                <td className="number">{cost(one.before.estimated_cost_nanos)}</td>
                <td className="number">{cost(one.after.estimated_cost_nanos)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Card>
  );
}

function Examples({ of }: { of: Report }) {
  if (of.examples.length === 0) return null;
  return (
    <Card title="Some that would have gone elsewhere">
      <Scroll label="Some that would have gone elsewhere">
        <table className="plain-table">
          <tbody>
            {of.examples.map((one) => (
              <tr key={one.generation_id}>
                <td>{dateTime(one.at)}</td>
                <td>
                  <Link
                    to="/operator/decisions/$generation"
                    params={{ generation: one.generation_id }}
                    className="mono"
                  >
                    {one.names.join(", ")}
                  </Link>
                </td>
                <td>
                  {one.before?.tag ?? "refused"} → {one.after?.tag ?? "refused"}
                </td>
                <td className="number">
                  {one.before?.estimated_cost_nanos ? cost(one.before.estimated_cost_nanos) : "–"} →{" "}
                  {one.after?.estimated_cost_nanos ? cost(one.after.estimated_cost_nanos) : "–"}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Card>
  );
}

function ReportView({ of }: { of: Report }) {
  if (of.decisions === 0)
    return (
      <Empty title="No decision of that time is kept">
        Every request makes one; the configuration says what share of them is kept, and for how long.
      </Empty>
    );
  const latency = of.estimated_latency_p50_ms;
  return (
    <>
      {of.is_cut ? (
        <Note tone="warn">There may be more decisions in that time: these are the oldest of them.</Note>
      ) : null}
      {of.unmatched.length > 0 ? (
        <Note tone="warn">In no catalogue of that time: {of.unmatched.join(", ")}.</Note>
      ) : null}
      {of.unreadable > 0 ? <Note tone="warn">{count(of.unreadable)} could not be read.</Note> : null}
      <Stats
        figures={[
          {
            label: "Decisions made again",
            value: count(of.decisions),
            note: `${count(of.identical)} the same to the byte`,
          },
          {
            label: "Another first choice",
            value: count(of.first_choice_changed),
            note: `${percent(of.first_choice_changed / of.decisions)}; another order ${count(of.order_changed)}`,
          },
          {
            label: "Cost, estimated",
            value: cost(of.estimated_cost_nanos.after),
            note: (
              <>
                before {cost(of.estimated_cost_nanos.before)} · <Shift of={of.estimated_cost_nanos} />
              </>
            ),
          },
          {
            label: "Latency p50, estimated",
            value: duration(latency.after),
            note: (
              <>
                before {duration(latency.before)} · <Shift of={latency} />
              </>
            ),
          },
          {
            label: "Refused",
            value: count(of.refused.after),
            note: `before ${count(of.refused.before)}`,
          },
        ]}
      />
      <Shares label="By provider" rows={of.providers.map((one) => ({ ...one, name: one.provider }))} />
      <Shares label="By model" rows={of.models.map((one) => ({ ...one, name: one.model }))} />
      <Examples of={of} />
      <p className="soft">
        These are estimates of first attempts. Health does not answer to the change: an endpoint that would
        get more requests is not slower for it. What was really charged stands in the ledger.
      </p>
    </>
  );
}

/** Seconds since something began. */
function Elapsed() {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds((old) => old + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  return <span className="number">{seconds} s</span>;
}

export function ReplayPage() {
  const { endpoint } = route.useSearch();
  const { data: priced } = useQuery({ ...endpointQuery(endpoint ?? ""), enabled: endpoint !== undefined });
  const [form, setForm] = useState<ReplayForm>(EMPTY);
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);
  useEffect(() => {
    if (!priced?.price) return;
    const { base, tiers } = priced.price;
    const prices = [{ endpoint_id: priced.id, price: { base, ...(tiers?.length ? { tiers } : {}) } }];
    setForm((old) => (old.prices === "" ? { ...old, prices: JSON.stringify(prices, null, 2) } : old));
  }, [priced]);
  const run = useMutation({
    mutationFn: (body: Replay) => {
      abort.current = new AbortController();
      // What a body leaves out is as it was; its description makes more of it a must.
      return document<Report>(admin.POST("/route/replay", { body, signal: abort.current.signal }));
    },
  });
  const [mistake, setMistake] = useState<unknown>(null);
  function submit(event: FormEvent): void {
    event.preventDefault();
    setMistake(null);
    try {
      run.mutate(replayOf(form, Date.now()));
    } catch (error) {
      setMistake(error);
    }
  }
  const isStopped = run.error instanceof DOMException && run.error.name === "AbortError";
  return (
    <Page
      title="Replay"
      about="Makes past decisions again, each from what was known then, with other rules or prices: what they would have cost, and who would have served."
      actions={<ButtonLink to="/operator/decisions">Decisions</ButtonLink>}
    >
      <Card>
        <form className="form" onSubmit={submit}>
          <Fields form={form} onChange={(changes) => setForm((old) => ({ ...old, ...changes }))} />
          {mistake ? <Note tone="bad">{String((mistake as Error).message)}</Note> : null}
          <div className="form-actions">
            <Button kind="primary" type="submit" busy={run.isPending}>
              Replay
            </Button>
            {run.isPending ? <Button onClick={() => abort.current?.abort()}>Stop</Button> : null}
          </div>
        </form>
      </Card>
      {run.isPending ? (
        <div role="status">
          <Note tone="accent">
            Decisions are being made again, for <Elapsed /> now. Requests are served meanwhile as ever.
          </Note>
        </div>
      ) : null}
      {isStopped ? <Note>It was stopped.</Note> : run.error ? <ErrorNote error={run.error} /> : null}
      {run.data && !run.isPending ? <ReportView of={run.data} /> : null}
    </Page>
  );
}
