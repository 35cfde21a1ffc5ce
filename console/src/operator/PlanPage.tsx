import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";

import { messageOf } from "~/api/errors";
import { exactUsd } from "~/format/money";
import { dateTime } from "~/format/time";
import { Button } from "~/ui/Button";
import { ErrorNote, Loading, Note } from "~/ui/Note";
import { Card, Page } from "~/ui/Page";
import { ACTIONS, type Column, Table } from "~/ui/Table";
import { say } from "~/ui/toast";

import { PlanFields } from "./PlanFields";
import { PlanPreview } from "./PlanPreview";
import {
  FRESH,
  type PlanForm,
  type Version,
  type WholePlan,
  basisPoints,
  formOf,
  mistakesOf,
  planQuery,
  putPlan,
  termsOf,
} from "./plans";

const route = getRouteApi("/inside/operator/plans/$name");

const versionColumns = (onTake: (version: Version) => void): Column<Version>[] => [
  { id: "version", head: "Version", width: "90px", cell: (one) => one.version },
  { id: "at", head: "In force from", width: "210px", cell: (one) => dateTime(one.created_at) },
  {
    id: "by",
    head: "By",
    width: "minmax(130px, 1fr)",
    cell: (one) => <span className="mono">{one.actor || "the installation"}</span>,
  },
  {
    id: "markup",
    head: "Markup",
    width: "100px",
    align: "right",
    cell: (one) => basisPoints(one.markup_basis_points),
  },
  {
    id: "overrides",
    head: "Overrides",
    width: "100px",
    align: "right",
    cell: (one) => one.markup_overrides.length,
  },
  {
    id: "fee",
    head: "Fee on credit",
    width: "120px",
    align: "right",
    cell: (one) => basisPoints(one.purchase_fee.basis_points),
  },
  {
    id: "payment",
    head: "Pays",
    width: "165px",
    cell: (one) => (one.payment === "postpaid" ? `postpaid, ${exactUsd(one.credit_limit)}` : "prepaid"),
  },
  {
    id: "take",
    head: ACTIONS,
    width: "135px",
    align: "right",
    cell: (one) => (
      <Button size="small" onClick={() => onTake(one)}>
        Into the form
      </Button>
    ),
  },
];

function Editor({ name, plan, tag }: { name: string; plan: WholePlan | null; tag: string | null }) {
  const queries = useQueryClient();
  const [form, setForm] = useState<PlanForm>(() => (plan ? formOf(plan) : FRESH));
  const [isTried, setTried] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const mistakes = mistakesOf(form);
  const isWrong = Object.keys(mistakes).length > 0;

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setTried(true);
    setFailure(isWrong ? "Some fields need another look." : null);
    if (isWrong) return;
    setBusy(true);
    try {
      const { version, is_unchanged } = await putPlan(name, termsOf(form), tag);
      say(is_unchanged ? "These terms are in force already." : `Version ${version} is in force.`);
      await queries.invalidateQueries({ queryKey: ["operator", "plans"] });
      await queries.invalidateQueries({ queryKey: ["operator", "tenant"] });
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <>
      <form className="form" onSubmit={(event) => void submit(event)}>
        <PlanFields form={form} mistakes={isTried ? mistakes : {}} onChange={setForm} />
        {failure === null ? null : <Note tone="bad">{failure}</Note>}
        <div className="form-actions">
          <Button kind="primary" type="submit" busy={isBusy}>
            {plan ? "Put a new version in force" : "Make the plan"}
          </Button>
          {plan ? (
            <Button kind="quiet" onClick={() => setForm(formOf(plan))}>
              Back to what is in force
            </Button>
          ) : null}
        </div>
      </form>
      <Card title="What these terms would cost">
        <PlanPreview
          ask={async (preview) => {
            if (isWrong) throw new Error("Some fields need another look.");
            return (await putPlan(name, { ...termsOf(form), preview }, null)).preview ?? [];
          }}
        />
      </Card>
      {plan ? (
        <section className="stack">
          <h2>Versions</h2>
          <Table
            label="Versions"
            rows={plan.versions}
            columns={versionColumns((version) => setForm(formOf(version)))}
            rowKey={(one) => String(one.version)}
            isWhole={plan.versions.length <= 12}
          />
        </section>
      ) : null}
    </>
  );
}

export function PlanPage() {
  const { name } = route.useParams();
  const { data, error, refetch } = useQuery(planQuery(name));
  const plan = data?.plan ?? null;
  return (
    <Page
      title={`Plan ${name}`}
      about={
        plan
          ? `Version ${plan.version}, of ${plan.tenants} ${plan.tenants === 1 ? "tenant" : "tenants"}. A change is in force from the next request on; what was admitted keeps its markup.`
          : null
      }
    >
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {data === null ? (
        <Note>There is no plan of this name yet. It is made when its terms are put.</Note>
      ) : null}
      {data !== undefined ? (
        <Editor key={`${name} ${plan?.version ?? 0}`} name={name} plan={plan} tag={data?.tag ?? null} />
      ) : error ? null : (
        <Loading />
      )}
    </Page>
  );
}
