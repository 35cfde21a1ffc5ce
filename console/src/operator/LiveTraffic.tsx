import { usd } from "~/format/money";
import { compact, count, percent } from "~/format/number";
import { Badge } from "~/ui/Note";
import { Card, type Figure } from "~/ui/Page";

import { EVERY, type Traffic, paceOf, useLive } from "./live";
import "./operator.css";

const WIDTH = 90;
const HEIGHT = 36;
/** Points that the line is at least as wide as: half a minute. */
const LEAST = 15;

/** The line over the whole width, or what there is of its first half minute from the right; `0 0` is the upper left corner. */
export function lineOf(values: readonly number[]): string {
  const most = Math.max(1, ...values);
  const points = Math.max(LEAST, values.length) - 1;
  return values
    .map((value, place) => {
      const x = (WIDTH * (points - values.length + 1 + place)) / points;
      const y = HEIGHT - 2 - (value / most) * (HEIGHT - 4);
      return `${place === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join(" ");
}

function Spark({ label, values, tone }: { label: string; values: number[]; tone?: "bad" }) {
  const line = lineOf(values);
  const seconds = (values.length * EVERY) / 1000;
  const first = /^M[\d.]+/.exec(line)?.[0];
  return (
    <svg
      className="spark"
      data-tone={tone}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${label}, the last ${seconds} seconds`}
    >
      {first ? (
        <path
          className="spark-area"
          d={`${line} L${WIDTH} ${HEIGHT} ${first.replace("M", "L")} ${HEIGHT} Z`}
        />
      ) : null}
      <path d={line} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}

function figuresOf(traffic: Traffic[]): Figure[] {
  const pace = paceOf(traffic);
  const values = (member: "requests" | "errors" | "tokens" | "in_flight") =>
    traffic.map((one) => one[member]);
  return [
    {
      label: "Requests a second",
      value: pace ? pace.requestsPerSecond.toFixed(pace.requestsPerSecond < 10 ? 1 : 0) : "–",
      note: <Spark label="Requests" values={values("requests")} />,
    },
    {
      label: "Under way",
      value: count(pace?.inFlight),
      note: <Spark label="Requests under way" values={values("in_flight")} />,
    },
    {
      label: "Errors",
      value: pace?.errorRate === null ? "none" : percent(pace?.errorRate),
      note: (
        <Spark
          label="Errors"
          values={values("errors")}
          {...(values("errors").some((errors) => errors > 0) ? { tone: "bad" } : {})}
        />
      ),
    },
    {
      label: "Tokens a second",
      value: compact(pace?.tokensPerSecond),
      note: <Spark label="Tokens" values={values("tokens")} />,
    },
    {
      label: "Spend a minute",
      value: pace ? usd(Number(pace.spendPerMinute) / 1e9) : "–",
      note: <Spark label="Spend" values={traffic.map((one) => Number(one.spend_nano_usd))} />,
    },
  ];
}

/** The platform's traffic as it happens; nothing where no events come, for the figures below are asked for anyway. */
export function LiveTraffic() {
  const { state, traffic } = useLive();
  if (state === "absent" || (state === "waiting" && traffic.length === 0)) return null;
  return (
    <Card
      title="Right now"
      actions={
        state === "live" ? (
          <Badge tone="good">live, every {EVERY / 1000} seconds</Badge>
        ) : (
          <Badge tone="warn">the connection was lost; it is taken up again</Badge>
        )
      }
    >
      <dl className="live-figures">
        {figuresOf(traffic).map((figure) => (
          <div key={figure.label}>
            <dt>{figure.label}</dt>
            <dd className="number">{figure.value}</dd>
            <dd>{figure.note}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}
