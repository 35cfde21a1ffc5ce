import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import { duration } from "~/format/number";
import { Button } from "~/ui/Button";
import { Empty, ErrorNote, Loading, Note } from "~/ui/Note";
import { Card, Facts, Page } from "~/ui/Page";

import "./catalogue.css";
import { EndpointsTable } from "./EndpointsTable";
import { MembersDialog } from "./MembersDialog";
import { NewEndpointDialog } from "./NewEndpointDialog";
import { ProviderBadges } from "./ProvidersPage";
import { PROVIDER } from "./fields";
import { formOf } from "./members";
import { HowMany, RowActions, SwitchDialog, list, yesNo } from "./parts";
import { type Members, type Provider, type Timeouts, endpointsQuery, providerQuery, useWhole } from "./rows";
import { changeProvider, withdrawProvider } from "./write";

const route = getRouteApi("/inside/operator/providers/$slug");

export function timeoutFacts(timeouts: Timeouts, none: string): [string, string][] {
  const said = (span: number | null) => (span === null ? none : duration(span));
  return [
    ["To connect", said(timeouts.connect_ms)],
    ["To the first token", said(timeouts.first_token_ms)],
    ["Between tokens", said(timeouts.stall_ms)],
    ["In all", said(timeouts.total_ms)],
  ];
}

export function Quirks({ of }: { of: Members }) {
  return Object.keys(of).length === 0 ? (
    <span>none</span>
  ) : (
    <pre className="details quirks">{JSON.stringify(of, null, 2)}</pre>
  );
}

/** Only what is http or https leads anywhere. */
function Address({ of }: { of: string | null }) {
  return of !== null && /^https?:\/\//.test(of) ? (
    <a href={of} target="_blank" rel="noreferrer">
      {of}
    </a>
  ) : (
    <span>{of ?? "–"}</span>
  );
}

function About({ of }: { of: Provider }) {
  const credential = of.credential
    ? "set by an operator, sealed"
    : of.credential_env
      ? `from ${of.credential_env}, if it is set`
      : "none";
  return (
    <div className="columns">
      <Card title="How it is reached">
        <Facts
          facts={[
            ["Base URL", <span className="mono">{of.base_url}</span>],
            ["Dialect", of.dialect],
            ["Credential", credential],
            ["Without a credential", of.credential_required ? "it is not used" : "it is used"],
            ["Closed connections", of.cancel_stops_billing ? "end the charge" : "are charged to the end"],
            ["Quirks", <Quirks of={of.quirks} />],
          ]}
        />
      </Card>
      <Card title="Data policy">
        <Facts
          facts={[
            ["Collects data", yesNo(of.collects_data, "unknown: counts as yes")],
            ["Retains nothing", yesNo(of.zero_data_retention, "unknown: counts as no")],
            ["Headquarters", of.headquarters ?? "–"],
            ["Datacenters", list(of.datacenters)],
            ["Privacy policy", <Address of={of.privacy_policy_url} />],
            ["Terms of service", <Address of={of.terms_of_service_url} />],
            ["Status page", <Address of={of.status_page_url} />],
          ]}
        />
      </Card>
      <Card title="Timeouts">
        <Facts facts={timeoutFacts(of.timeouts, "as configured")} />
      </Card>
    </div>
  );
}

export function ProviderPage() {
  const { slug } = route.useParams();
  const navigate = route.useNavigate();
  const [asked, ask] = useState<"change" | "off" | "endpoint" | null>(null);
  const { data, error, refetch } = useQuery(providerQuery(slug));
  const endpoints = useWhole(useInfiniteQuery(endpointsQuery({ provider: slug })));
  if (!data) {
    return (
      <Page title="Provider">
        {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : <Loading />}
      </Page>
    );
  }
  return (
    <Page
      title={data.name}
      about={
        <>
          <span className="mono">{data.slug}</span> <ProviderBadges of={data} />
        </>
      }
      actions={<RowActions subject={slug} isOff={data.disabled} onAsk={ask} />}
    >
      {data.simulated ? (
        <Note tone="warn">
          The simulator answers for it. A credential makes it real, and so does another base URL.
        </Note>
      ) : null}
      <About of={data} />
      <div className="bar">
        <h2 className="grow">Endpoints</h2>
        <HowMany shown={endpoints.rows?.length} list={endpoints} />
        <Link to="/operator/endpoints" search={{ provider: slug }}>
          Search them
        </Link>
        <Button size="small" onClick={() => ask("endpoint")}>
          New endpoint
        </Button>
      </div>
      {endpoints.error ? <ErrorNote error={endpoints.error} onRetry={endpoints.retry} /> : null}
      {endpoints.rows ? (
        <EndpointsTable
          rows={endpoints.rows}
          empty={
            <Empty title="It serves nothing yet">An endpoint says which model it serves, and for what.</Empty>
          }
        />
      ) : endpoints.error ? null : (
        <Loading />
      )}
      {asked === "change" ? (
        <MembersDialog
          title={`Change ${data.name}`}
          groups={PROVIDER}
          before={formOf(PROVIDER, data)}
          onSend={changeProvider(data)}
          onClose={() => ask(null)}
        />
      ) : null}
      {asked === "off" ? (
        <SwitchDialog
          what={data.name}
          isOff={data.disabled}
          onWithdraw={() =>
            data.disabled ? changeProvider(data)({ disabled: false }) : withdrawProvider(data)
          }
          onClose={() => ask(null)}
        >
          {data.disabled
            ? "Its endpoints are used again, those that are not switched off themselves."
            : "None of its endpoints is used any more. Requests that are under way end as they would. It can be switched on again."}
        </SwitchDialog>
      ) : null}
      {asked === "endpoint" ? (
        <NewEndpointDialog
          given={{ provider: slug }}
          onDone={(id) => void navigate({ to: "/operator/endpoints/$id", params: { id } })}
          onClose={() => ask(null)}
        />
      ) : null}
    </Page>
  );
}
