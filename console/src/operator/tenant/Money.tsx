import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { exactUsd, usd } from "~/format/money";
import { dateTime } from "~/format/time";
import { Button } from "~/ui/Button";
import { ErrorNote, Loading } from "~/ui/Note";
import { Card, Facts, type Figure, Meter, Stats } from "~/ui/Page";

import { basisPoints } from "../plans";
import { GrantDialog, MoveDialog } from "./MoneyDialogs";
import { balanceQuery, creditLineQuery, tenantPlanQuery } from "./tenant";

function CreditLine({ tenant }: { tenant: string }) {
  const { data, error, refetch } = useQuery(creditLineQuery(tenant));
  return (
    <Card title="Credit line">
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {data && data.line !== "0" ? (
        <div className="stack">
          <Facts
            facts={[
              ["May owe", exactUsd(data.line)],
              ["Owes", exactUsd(data.owed)],
              ["Held for requests", exactUsd(data.held)],
              ["Left to spend", exactUsd(data.available)],
            ]}
          />
          <Meter used={Number(data.owed)} of={Number(data.line)} label="Credit line" />
        </div>
      ) : data !== undefined ? (
        <p className="soft">None: the tenant spends what it bought. A line comes with a postpaid plan.</p>
      ) : error ? null : (
        <Loading lines={3} />
      )}
    </Card>
  );
}

function PlanCard({ tenant, onMove }: { tenant: string; onMove: () => void }) {
  const { data: plan, error, refetch } = useQuery(tenantPlanQuery(tenant));
  return (
    <Card
      title="Plan"
      actions={
        <Button size="small" onClick={onMove} disabled={!plan}>
          Another plan
        </Button>
      }
    >
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {plan ? (
        <Facts
          facts={[
            [
              "Plan",
              <Link key="plan" to="/operator/plans/$name" params={{ name: plan.name }}>
                {plan.name}
              </Link>,
            ],
            ["Markup", basisPoints(plan.markup_basis_points)],
            ["Overrides", String(plan.markup_overrides.length)],
            ["Fee on buying credit", basisPoints(plan.purchase_fee.basis_points)],
            ["Fee on own keys", basisPoints(plan.own_keys.fee_basis_points)],
            ["Pays", plan.payment],
            ["Version", String(plan.version)],
            ...plan.history.map((one): [string, string] => [
              `On ${one.plan} since`,
              `${dateTime(one.at)}${one.actor ? `, by ${one.actor}` : ""}`,
            ]),
          ]}
        />
      ) : error ? null : (
        <Loading lines={4} />
      )}
    </Card>
  );
}

/** To be read at a glance, with all of its decimals below. */
function figure(label: string, amount: string | undefined): Figure {
  const [value, exact] = [usd(amount), exactUsd(amount)];
  return { label, value, note: exact === value ? null : exact };
}

export function MoneyPart({ tenant }: { tenant: string }) {
  const { data, error, refetch } = useQuery(balanceQuery(tenant));
  const { data: plan } = useQuery(tenantPlanQuery(tenant));
  const [asked, ask] = useState<"grant" | "move" | null>(null);
  return (
    <>
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      <Stats
        figures={[
          figure("Available", data?.available),
          figure("Balance", data?.balance),
          figure("Held for requests", data?.held),
          figure("Ever added", data?.total_credits),
          figure("Ever used", data?.total_usage),
        ]}
      />
      <div className="bar">
        <Button kind="primary" onClick={() => ask("grant")}>
          Grant credit
        </Button>
        <Link className="button" to="/operator/ledger" search={{ tenant }}>
          Its transfers
        </Link>
      </div>
      <div className="columns">
        <PlanCard tenant={tenant} onMove={() => ask("move")} />
        <CreditLine tenant={tenant} />
      </div>
      {asked === "grant" ? <GrantDialog tenant={tenant} onClose={() => ask(null)} /> : null}
      {asked === "move" && plan ? (
        <MoveDialog tenant={tenant} plan={plan.name} onClose={() => ask(null)} />
      ) : null}
    </>
  );
}
