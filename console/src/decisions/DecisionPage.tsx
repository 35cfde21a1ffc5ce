import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { dateTime } from "~/format/time";
import { TenantLink } from "~/operator/TenantLink";
import { ButtonLink } from "~/ui/Button";
import { CodeBlock } from "~/ui/Copy";
import { Badge, ErrorNote, Loading, Note } from "~/ui/Note";
import { Page } from "~/ui/Page";

import { ExplanationView } from "./ExplanationView";
import { type Decision, decisionQuery } from "./decisions";

const route = getRouteApi("/inside/operator/decisions/$generation");

function Again({ of }: { of: Decision }) {
  if (!of.replay) return null;
  if (of.replay.identical) return <Badge tone="good">this program would decide the same, to the byte</Badge>;
  return <Badge tone="warn">this program would decide otherwise</Badge>;
}

const KEPT: { name: "request" | "inputs" | "plan"; label: string }[] = [
  { name: "request", label: "What routing knew of the request" },
  { name: "inputs", label: "What the router added" },
  { name: "plan", label: "The plan" },
];

export function DecisionPage() {
  const { generation } = route.useParams();
  const { data, error, refetch } = useQuery(decisionQuery(generation));
  if (!data) {
    return (
      <Page title="Decision" about={<span className="mono">{generation}</span>}>
        {error ? (
          <>
            <ErrorNote error={error} onRetry={() => void refetch()} />
            <p className="soft">
              Decisions are kept for some days, and of a share of the requests, as the configuration says.
            </p>
          </>
        ) : (
          <Loading lines={9} />
        )}
      </Page>
    );
  }
  return (
    <Page
      title="Decision"
      about={
        <>
          <span className="mono">{data.generation_id}</span> · {dateTime(data.at)} ·{" "}
          <TenantLink id={data.tenant_id} /> <Again of={data} />
        </>
      }
      actions={
        <>
          <ButtonLink to="/operator/ledger" search={{ source: data.generation_id }}>
            What was charged
          </ButtonLink>
          <ButtonLink to="/operator/decisions">All decisions</ButtonLink>
        </>
      }
    >
      <ExplanationView of={data.explanation} />
      {data.replay && !data.replay.identical ? (
        <Note tone="warn">
          A later program decides otherwise from what was kept.
          <CodeBlock label="The other plan" code={JSON.stringify(data.replay.plan ?? null, null, 2)} />
        </Note>
      ) : null}
      {KEPT.map(({ name, label }) => (
        <details key={name}>
          <summary>{label}</summary>
          <CodeBlock label={label} code={JSON.stringify(data[name] ?? null, null, 2)} />
        </details>
      ))}
    </Page>
  );
}
