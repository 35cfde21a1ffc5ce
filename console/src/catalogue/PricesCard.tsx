// Every price that an endpoint had, has and is to have.

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { dateTime } from "~/format/time";
import { Ago } from "~/ui/Ago";
import { Button, ButtonLink } from "~/ui/Button";
import { Badge, ErrorNote, Loading, type Tone } from "~/ui/Note";
import { Card, Scroll } from "~/ui/Page";

import { PriceDialog } from "./PriceDialog";
import { WithdrawDialog } from "./parts";
import {
  CLASSES,
  type ClassName,
  type Price,
  type Rates,
  changeOf,
  classOf,
  percentText,
  picosOf,
  rateText,
  tierName,
  windowName,
} from "./rates";
import { type Endpoint, type PriceState, type PriceVersion, pricesQuery } from "./rows";
import { withdrawPrice } from "./write";

const STATES: Record<PriceState, { label: string; tone: Tone | undefined }> = {
  upcoming: { label: "upcoming", tone: "accent" },
  in_effect: { label: "in effect", tone: "good" },
  past: { label: "past", tone: undefined },
  withdrawn: { label: "withdrawn", tone: "warn" },
};

/** Newest first; each with the one that was in effect before it. */
export function ordered(prices: readonly PriceVersion[]): { price: PriceVersion; before: Price | null }[] {
  const sorted = [...prices].sort(
    (one, other) =>
      other.effective_at.localeCompare(one.effective_at) || other.created_at.localeCompare(one.created_at),
  );
  return sorted.map((price, place) => ({
    price,
    before: sorted.slice(place + 1).find((one) => one.state !== "withdrawn") ?? null,
  }));
}

function Rate({ rates, before, name }: { rates: Rates; before: Rates | undefined; name: ClassName }) {
  const [from, to] = [picosOf(before?.[name] ?? ""), picosOf(rates[name] ?? "")];
  const change = changeOf(from, to);
  return (
    <div className="stack-tight">
      <span className="number">{rateText(rates, name)}</span>
      {change === null || change === 0 ? null : (
        <small className={`number ${change > 0 ? "rise" : "fall"}`}>{percentText(change)}</small>
      )}
    </div>
  );
}

/** Tiers and windows, which have rates of their own. */
function Further({ of }: { of: Price }) {
  const told = (rates: Rates | undefined) =>
    CLASSES.filter(({ name }) => rates?.[name] !== undefined)
      .map(({ name, label }) => `${label.toLowerCase()} ${rateText(rates, name)}`)
      .join(", ");
  const tiers = (of.tiers ?? []).map((tier) => `${tierName(tier)}: ${told(tier.rates)}`);
  const windows = (of.windows ?? []).map((window) => `${windowName(window)}: ${told(window.base)}`);
  const lines = [...tiers, ...windows];
  if (lines.length === 0) return <span className="soft">–</span>;
  return (
    <details>
      <summary>{lines.length}</summary>
      {lines.map((line) => (
        <div key={line}>{line}</div>
      ))}
    </details>
  );
}

export function PricesCard({ endpoint }: { endpoint: Endpoint }) {
  const { data, error, refetch } = useQuery(pricesQuery(endpoint.id));
  const [isAsked, ask] = useState(false);
  const [withdrawn, withdraw] = useState<PriceVersion | null>(null);
  const used = CLASSES.filter(({ name }) => data?.some((price) => price.base[name] !== undefined));
  return (
    <Card
      title="Prices"
      actions={
        <div className="bar">
          <ButtonLink size="small" to="/operator/replay" search={{ endpoint: endpoint.id }}>
            Replay with another price
          </ButtonLink>
          <Button size="small" kind="primary" onClick={() => ask(true)}>
            New price
          </Button>
        </div>
      }
    >
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {data === undefined ? (
        error ? null : (
          <Loading lines={3} />
        )
      ) : data.length === 0 ? (
        <p className="soft">It never had a price: it is not used until it has one.</p>
      ) : (
        <Scroll label="Prices">
          <table className="plain-table">
            <thead>
              <tr>
                <th scope="col">State</th>
                <th scope="col">From</th>
                {used.map((one) => (
                  <th scope="col" key={one.name} className="number">
                    {one.label} / {one.per}
                  </th>
                ))}
                <th scope="col">Tiers, hours</th>
                <th scope="col">Source</th>
                <th scope="col">
                  <span className="visually-hidden">What can be done</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {ordered(data).map(({ price, before }) => (
                <tr key={price.id} className={price.state === "withdrawn" ? "soft" : undefined}>
                  <td>
                    <Badge tone={STATES[price.state]?.tone}>
                      {STATES[price.state]?.label ?? price.state}
                    </Badge>
                  </td>
                  <td className="line">
                    <span title={`set ${dateTime(price.created_at)}; version ${price.id}`}>
                      {dateTime(price.effective_at)}
                    </span>
                    {price.state === "upcoming" ? (
                      <div className="soft">
                        <Ago of={price.effective_at} />
                      </div>
                    ) : null}
                  </td>
                  {used.map(({ name }) => (
                    <td key={name} className="number">
                      <Rate rates={price.base} before={before?.base} name={classOf(name).name} />
                    </td>
                  ))}
                  <td>
                    <Further of={price} />
                  </td>
                  <td className="change-value">{price.source}</td>
                  <td>
                    {price.state === "upcoming" ? (
                      <Button size="small" kind="danger" onClick={() => withdraw(price)}>
                        Withdraw
                      </Button>
                    ) : null}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {isAsked ? <PriceDialog endpoint={endpoint} onClose={() => ask(false)} /> : null}
      {withdrawn ? (
        <WithdrawDialog
          what={`the price from ${dateTime(withdrawn.effective_at)}`}
          action="Withdraw"
          onWithdraw={() => withdrawPrice(withdrawn.id)}
          onClose={() => withdraw(null)}
        >
          It stays in the list and never takes effect. What is in effect stays so.
        </WithdrawDialog>
      ) : null}
    </Card>
  );
}
