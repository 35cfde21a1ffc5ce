import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import { count, duration } from "~/format/number";
import { Button, ButtonLink } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { TextField } from "~/ui/Field";
import { Badge, Empty, ErrorNote, Loading } from "~/ui/Note";
import { Card, Facts, Page } from "~/ui/Page";
import { say } from "~/ui/toast";

import "./catalogue.css";
import { ModelBadge } from "./CatalogueModelsPage";
import { EndpointsTable } from "./EndpointsTable";
import { MembersDialog } from "./MembersDialog";
import { NewEndpointDialog } from "./NewEndpointDialog";
import { Quirks } from "./ProviderPage";
import { MODEL } from "./fields";
import { formOf } from "./members";
import { RowActions, SwitchDialog, list, yesNo } from "./parts";
import { type Model, catalogueModelQuery } from "./rows";
import { inUse } from "./use";
import { changeEndpoint, changeModel, withdrawModel } from "./write";

const route = getRouteApi("/inside/operator/model/$");

/** A model has no last day of its own: its endpoints have, each. */
function DeprecateDialog({ model, onClose }: { model: Model; onClose: () => void }) {
  const queries = useQueryClient();
  const concerned = model.endpoints.filter((one) => !one.disabled);
  const [day, setDay] = useState("");
  async function submit(): Promise<void> {
    const deprecation_date = day === "" ? null : day;
    let version = 0;
    for (const [place, one] of concerned.entries()) {
      try {
        version = (await changeEndpoint(one)({ deprecation_date })).catalogue_version;
      } catch (error) {
        const told = error instanceof Error ? error.message : String(error);
        throw new Error(`${place} of ${concerned.length} are done; ${one.tag} was refused: ${told}`);
      }
    }
    await inUse(queries, version);
    say(day === "" ? "No endpoint has a last day." : `Served until ${day}.`);
  }
  return (
    <FormDialog
      title={`Deprecate ${model.name}`}
      action={day === "" ? "Take the last day away" : "Set the last day"}
      onClose={onClose}
      onSubmit={submit}
    >
      <TextField
        label="Served until (UTC)"
        type="date"
        hint="It is served on that day and gone on the next. Without a day it is served on."
        value={day}
        onChange={(event) => setDay(event.target.value)}
      />
      <p className="soft">
        For each of its {count(concerned.length)} endpoints that are not switched off; the models API tells
        the day to those who ask.
      </p>
    </FormDialog>
  );
}

function About({ of }: { of: Model }) {
  const scores = Object.entries(of.scores).map(([name, score]) => `${name} ${score}`);
  return (
    <div className="columns">
      <Card title="What it can do">
        <Facts
          facts={[
            ["Context", `${count(of.context_length)} tokens`],
            ["Longest answer", of.max_output === null ? "unknown" : `${count(of.max_output)} tokens`],
            ["Reads", list(of.input_modalities)],
            ["Writes", list(of.output_modalities)],
            ["Parameters", list(of.supported_parameters, "everything")],
            ["Defaults", of.default_parameters ? JSON.stringify(of.default_parameters) : "–"],
          ]}
        />
      </Card>
      <Card title="Names">
        <Facts
          facts={[
            ["Canonical slug", <span className="mono">{of.canonical_slug}</span>],
            ["Aliases", list(of.aliases)],
            ["Family", of.family ?? "–"],
            ["Hugging Face", of.hugging_face_id ?? "–"],
            ["Tokenizer", of.tokenizer || "–"],
          ]}
        />
      </Card>
      <Card title="About it">
        <Facts
          facts={[
            ["Released", of.created ? new Date(of.created * 1000).toISOString().slice(0, 10) : "–"],
            ["Knowledge until", of.knowledge_cutoff ?? "–"],
            ["May train others", yesNo(of.distillable, "unknown: counts as no")],
            ["Scores", list(scores)],
            ["Measured by", of.scores_source ?? "–"],
            [
              "To the first token",
              of.first_token_ms === null ? "as its provider" : duration(of.first_token_ms),
            ],
            ["Quirks", <Quirks of={of.quirks} />],
          ]}
        />
      </Card>
    </div>
  );
}

export function CatalogueModelPage() {
  const { _splat: slug = "" } = route.useParams();
  const navigate = route.useNavigate();
  const [asked, ask] = useState<"change" | "off" | "deprecate" | "endpoint" | null>(null);
  const { data, error, refetch } = useQuery(catalogueModelQuery(slug));
  if (!data) {
    return (
      <Page title="Model">
        {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : <Loading />}
      </Page>
    );
  }
  return (
    <Page
      title={data.name}
      about={
        <>
          <span className="mono">{data.slug}</span> <ModelBadge of={data} />{" "}
          {data.endpoints.some((one) => one.simulated) ? <Badge tone="warn">simulated</Badge> : null}
        </>
      }
      actions={
        <RowActions subject={slug} isOff={data.disabled} onAsk={ask}>
          <ButtonLink to="/operator/explain" search={{ model: slug }}>
            Explain a request
          </ButtonLink>
          <Button onClick={() => ask("deprecate")} disabled={data.endpoints.length === 0}>
            Deprecate
          </Button>
        </RowActions>
      }
    >
      <div className="bar">
        <h2 className="grow">Endpoints</h2>
        <Button size="small" onClick={() => ask("endpoint")}>
          New endpoint
        </Button>
      </div>
      <EndpointsTable
        rows={data.endpoints}
        isWhole
        isOfModel
        empty={
          <Empty title="Nobody serves it">An endpoint says which provider serves it, and for what.</Empty>
        }
      />
      <About of={data} />
      {asked === "change" ? (
        <MembersDialog
          title={`Change ${data.name}`}
          groups={MODEL}
          before={formOf(MODEL, data)}
          onSend={changeModel(data)}
          onClose={() => ask(null)}
        />
      ) : null}
      {asked === "deprecate" ? <DeprecateDialog model={data} onClose={() => ask(null)} /> : null}
      {asked === "off" ? (
        <SwitchDialog
          what={data.name}
          isOff={data.disabled}
          onWithdraw={() => (data.disabled ? changeModel(data)({ disabled: false }) : withdrawModel(data))}
          onClose={() => ask(null)}
        >
          {data.disabled
            ? "It can be asked for again, at the endpoints that are not switched off themselves."
            : "Nobody can ask for it any more; requests that are under way end as they would. It can be switched on again."}
        </SwitchDialog>
      ) : null}
      {asked === "endpoint" ? (
        <NewEndpointDialog
          given={{ model: slug }}
          onDone={(id) => void navigate({ to: "/operator/endpoints/$id", params: { id } })}
          onClose={() => ask(null)}
        />
      ) : null}
    </Page>
  );
}
