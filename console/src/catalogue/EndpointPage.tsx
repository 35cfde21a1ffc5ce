import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import { DayCharts } from "~/charts/DayCharts";
import { compact, count, duration, throughput } from "~/format/number";
import { dayOf, endpointHealthQuery } from "~/operator/health";
import { ButtonLink } from "~/ui/Button";
import { ErrorNote, Loading, Note } from "~/ui/Note";
import { Card, Facts, Page, Stats } from "~/ui/Page";

import "./catalogue.css";
import { stateOf, useStates } from "./EndpointsTable";
import { HealthCard } from "./HealthCard";
import { MembersDialog } from "./MembersDialog";
import { PricesCard } from "./PricesCard";
import { Quirks, timeoutFacts } from "./ProviderPage";
import { ENDPOINT } from "./fields";
import { formOf } from "./members";
import { StateBadge, RowActions, SwitchDialog, list, yesNo } from "./parts";
import { rateText } from "./rates";
import { type Endpoint, endpointQuery } from "./rows";
import { changeEndpoint, withdrawEndpoint } from "./write";

const route = getRouteApi("/inside/operator/endpoints/$id");

function About({ of }: { of: Endpoint }) {
  return (
    <div className="columns">
      <Card title="Capabilities and limits">
        <Facts
          facts={[
            ["Context", `${count(of.context_length)} tokens`],
            ["Longest answer", of.max_output === null ? "unknown" : `${count(of.max_output)} tokens`],
            ["Quantization", of.quantization ?? "not told"],
            ["Class of service", of.service_tier ?? "usual"],
            ["Data region", of.region ?? "none promised"],
            ["Served until", of.deprecation_date ?? "no last day is known"],
            ["Implicit caching", yesNo(of.implicit_caching)],
            [
              "Parameters",
              of.supported_parameters === null ? "everything" : list(of.supported_parameters, "everything"),
            ],
          ]}
        />
      </Card>
      <Card title="How it is reached">
        <Facts
          facts={[
            [
              "Provider",
              <Link to="/operator/providers/$slug" params={{ slug: of.provider }}>
                {of.provider}
              </Link>,
            ],
            [
              "Model",
              <Link to="/operator/model/$" params={{ _splat: of.model }}>
                {of.model}
              </Link>,
            ],
            ["Name there", <span className="mono">{of.provider_model}</span>],
            ["Base URL", <span className="mono">{of.base_url}</span>],
            ["Dialect", of.dialect],
            ["Collects data", yesNo(of.collects_data, "unknown: counts as yes")],
            ["Retains nothing", yesNo(of.zero_data_retention, "unknown: counts as no")],
            ["Quirks", <Quirks of={of.quirks} />],
          ]}
        />
      </Card>
      <Card title="Timeouts">
        <Facts facts={timeoutFacts(of.timeouts, "as its provider")} />
      </Card>
    </div>
  );
}

function LastDay({ id }: { id: string }) {
  // What fails is said beside the health itself.
  const { data } = useQuery({ ...endpointHealthQuery(id), select: dayOf });
  return data ? <DayCharts day={data} what="credential" /> : null;
}

export function EndpointPage() {
  const { id } = route.useParams();
  const states = useStates();
  const [asked, ask] = useState<"change" | "off" | null>(null);
  const { data, error, refetch } = useQuery(endpointQuery(id));
  if (!data) {
    return (
      <Page title="Endpoint">
        {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : <Loading />}
      </Page>
    );
  }
  const seen = data.health.successes === 0 ? "assumed: it answered nobody" : "of the last five minutes";
  return (
    <Page
      title={`${data.tag} · ${data.model}`}
      about={<span className="mono">{data.id}</span>}
      actions={
        <RowActions subject={data.id} isOff={data.disabled} onAsk={ask}>
          <ButtonLink to="/operator/decisions" search={{ model: data.model, provider: data.provider }}>
            Decisions for it
          </ButtonLink>
        </RowActions>
      }
    >
      {data.simulated ? <Note tone="warn">The simulator answers for it.</Note> : null}
      <Stats
        figures={[
          { label: "State", value: <StateBadge of={data} state={stateOf(data, states)} /> },
          { label: "Input / 1M", value: rateText(data.price?.base, "input") },
          { label: "Output / 1M", value: rateText(data.price?.base, "output") },
          { label: "Context", value: compact(data.context_length) },
          { label: "TTFT, mean", value: duration(data.health.latency_ms), note: seen },
          { label: "Speed, mean", value: throughput(data.health.throughput), note: seen },
        ]}
      />
      <PricesCard endpoint={data} />
      <HealthCard id={id} />
      <LastDay id={id} />
      <About of={data} />
      {asked === "change" ? (
        <MembersDialog
          title={`Change ${data.tag} · ${data.model}`}
          groups={ENDPOINT}
          before={formOf(ENDPOINT, data)}
          onSend={changeEndpoint(data)}
          onClose={() => ask(null)}
        />
      ) : null}
      {asked === "off" ? (
        <SwitchDialog
          what={data.tag}
          isOff={data.disabled}
          onWithdraw={() =>
            data.disabled ? changeEndpoint(data)({ disabled: false }) : withdrawEndpoint(data)
          }
          onClose={() => ask(null)}
        >
          {data.disabled
            ? "It is used again from the next request on."
            : "It is not used any more from the next request on. Requests that are under way end as they would. It can be switched on again."}
        </SwitchDialog>
      ) : null}
    </Page>
  );
}
