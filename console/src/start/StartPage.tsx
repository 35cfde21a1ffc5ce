// The first page: what there is to spend and was spent, and how to make a first call.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { numberIn, totalsQuery } from "~/activity/analytics";
import { spanOf } from "~/activity/search";
import { answer, api } from "~/api/client";
import { usd } from "~/format/money";
import { count, percent } from "~/format/number";
import { createKey, keysQuery } from "~/keys/keys";
import { modelsQuery } from "~/models/models";
import { useMay, useSession } from "~/session/session";
import { Button, ButtonLink } from "~/ui/Button";
import { CodeBlock } from "~/ui/Copy";
import { SelectField } from "~/ui/Field";
import { Note } from "~/ui/Note";
import { Card, Page, Stats } from "~/ui/Page";
import { complain } from "~/ui/toast";

import { SNIPPETS } from "./snippets";

const PLACEHOLDER = "$PATCHBAY_KEY";
/** Models that make a good first call, if they are here. */
const FAVOURITES = ["openai/gpt-4o-mini", "anthropic/claude-haiku-4.5", "google/gemini-2.5-flash"];

function Today() {
  const may = useMay();
  const [span] = useState(() => spanOf("24h", new Date()));
  const credits = useQuery({
    queryKey: ["credits"],
    queryFn: async () => (await answer(api.GET("/credits"))).data,
    enabled: may("credits.read"),
  });
  const totals = useQuery({ ...totalsQuery(span, []), enabled: may("activity.read") });
  const row = totals.data?.rows[0];
  const figure = (name: string) => (totals.data ? (row ? (numberIn(row, name) ?? 0) : 0) : null);
  const left = credits.data ? credits.data.total_credits - credits.data.total_usage : null;
  return (
    <Stats
      figures={[
        ...(may("credits.read")
          ? [
              {
                label: "Credit left",
                value: usd(left),
                note: left !== null && left <= 0 ? <Link to="/credits">Top up</Link> : null,
              },
            ]
          : []),
        { label: "Spend, 24 hours", value: usd(figure("total_usage")) },
        { label: "Requests, 24 hours", value: count(figure("request_count")) },
        { label: "Error rate, 24 hours", value: percent(figure("error_rate")) },
      ]}
    />
  );
}

/** A key made here is shown in the snippets, and only here. */
function FirstKey({ onMade }: { onMade: (secret: string) => void }) {
  const queries = useQueryClient();
  const may = useMay();
  const { data: keys } = useQuery(keysQuery({ kind: "inference" }));
  const [isBusy, setBusy] = useState(false);
  if (!may("keys.write")) {
    return <p className="soft">Your role cannot make keys: ask an owner or a developer for one.</p>;
  }
  async function make(): Promise<void> {
    setBusy(true);
    try {
      const minted = await createKey({ name: "First key", limit: 10, limit_reset: "monthly" });
      onMade(minted.key);
      await queries.invalidateQueries({ queryKey: ["keys"] });
    } catch (error) {
      complain(error);
    } finally {
      setBusy(false);
    }
  }
  return (
    <div className="bar">
      <Button kind={keys?.length === 0 ? "primary" : "plain"} busy={isBusy} onClick={() => void make()}>
        Make a key with a limit of $10 a month
      </Button>
      <ButtonLink to="/keys" search={{}} kind="quiet">
        Other limits
      </ButtonLink>
    </div>
  );
}

export function StartPage() {
  const { organization, user } = useSession();
  const { data: models } = useQuery(modelsQuery);
  const [secret, setSecret] = useState<string | null>(null);
  const [chosen, choose] = useState<string | null>(null);
  const [id, setId] = useState("curl");
  const texts = (models ?? []).filter((model) => model.architecture.output_modalities.includes("text"));
  const model =
    chosen ??
    FAVOURITES.find((one) => texts.some((other) => other.id === one)) ??
    texts[0]?.id ??
    "openrouter/auto";
  const snippet = SNIPPETS.find((one) => one.id === id) ?? SNIPPETS[0];
  const code = snippet?.code(window.location.origin, secret ?? PLACEHOLDER, model) ?? "";

  if (!organization) {
    return (
      <Page title={`Welcome, ${user.name || user.email}`}>
        <Note>
          You are in no organisation yet. Somebody who is an owner or admin of one has to invite you.
        </Note>
      </Page>
    );
  }
  return (
    <Page
      title={organization.name}
      about="One key, one API, every model. What works with OpenAI, OpenRouter or Anthropic works here with another address."
    >
      <Today />
      <Card title="Make a call">
        <div className="stack">
          <FirstKey onMade={setSecret} />
          {secret === null ? null : (
            <Note tone="warn">The snippets hold your new key. Copy it now: it is never shown again.</Note>
          )}
          <div className="start-model">
            <SelectField
              label="Model"
              options={texts.map((one) => ({ value: one.id, label: one.id }))}
              value={model}
              onChange={(event) => choose(event.target.value)}
            />
          </div>
          <div className="tabs" role="tablist" aria-label="Ways to call">
            {SNIPPETS.map((one) => (
              <button
                key={one.id}
                type="button"
                role="tab"
                aria-selected={one.id === id}
                aria-controls="snippet"
                onClick={() => setId(one.id)}
              >
                {one.label}
              </button>
            ))}
          </div>
          <div id="snippet" role="tabpanel" aria-label={snippet?.label}>
            <CodeBlock code={code} label={`Snippet for ${snippet?.label ?? ""}`} />
          </div>
          <p className="soft">
            Anthropic clients use <code>{window.location.origin}/api</code>, everything else{" "}
            <code>{window.location.origin}/api/v1</code>.
          </p>
        </div>
      </Card>
    </Page>
  );
}
