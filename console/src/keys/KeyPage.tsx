import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import { usd } from "~/format/money";
import { count } from "~/format/number";
import { dateTime } from "~/format/time";
import { useMay } from "~/session/session";
import { Ago } from "~/ui/Ago";
import { Button, ButtonLink } from "~/ui/Button";
import { Badge, ErrorNote, Loading } from "~/ui/Note";
import { Card, Facts, Page, Stats } from "~/ui/Page";
import { SecretDialog } from "~/ui/SecretDialog";

import { ChangeKeyDialog, DeleteKeyDialog, RotateKeyDialog } from "./KeyDialogs";
import { LimitCell, STATE_TONES } from "./KeysPage";
import { type Key, type Minted, keyQuery, stateOf } from "./keys";

const route = getRouteApi("/inside/keys/$hash");

const orDefault = (limit: number | null | undefined): string =>
  limit === null || limit === undefined ? "the default" : count(limit);

function Details({ of }: { of: Key }) {
  return (
    <div className="columns">
      <Card title="Limits">
        <Facts
          facts={[
            ["Spend", <LimitCell key="limit" of={of} />],
            ["Own provider keys", of.include_byok_in_limit ? "count towards the limit" : "do not count"],
            ["Requests a minute", orDefault(of.rate_limit_rpm)],
            ["Tokens a minute", orDefault(of.rate_limit_tpm)],
            ["At the same time", orDefault(of.max_concurrent)],
            [
              "Addresses",
              of.allowed_ips?.length ? (
                <span className="mono">{of.allowed_ips.join(", ")}</span>
              ) : (
                "from anywhere"
              ),
            ],
          ]}
        />
      </Card>
      <Card title="Key">
        <Facts
          facts={[
            [
              "Shown as",
              <span key="label" className="mono">
                {of.label}
              </span>,
            ],
            [
              "Hash",
              <span key="hash" className="mono">
                {of.hash}
              </span>,
            ],
            ["Kind", of.kind],
            ["Made", dateTime(of.created_at)],
            ["Expires", of.expires_at ? dateTime(of.expires_at) : "never"],
            ["Rotated", of.rotated_at ? <Ago key="rotated" of={of.rotated_at} /> : "never"],
            [
              "Former secret until",
              of.previous_key_expires_at ? dateTime(of.previous_key_expires_at) : "not in force",
            ],
            ["Last used", <Ago key="used" of={of.last_used_at} />],
          ]}
        />
      </Card>
    </div>
  );
}

export function KeyPage() {
  const { hash } = route.useParams();
  const navigate = route.useNavigate();
  const mayWrite = useMay()("keys.write");
  const { data: key, error, refetch } = useQuery(keyQuery(hash));
  const [asked, ask] = useState<"change" | "rotate" | "delete" | null>(null);
  const [minted, setMinted] = useState<Minted | null>(null);
  if (error) {
    return (
      <Page title="Key">
        <ErrorNote error={error} onRetry={() => void refetch()} />
      </Page>
    );
  }
  if (!key) {
    return (
      <Page title="Key">
        <Loading />
      </Page>
    );
  }
  const state = stateOf(key);
  const close = () => ask(null);
  return (
    <Page
      title={key.name}
      about={<Badge tone={STATE_TONES[state]}>{state}</Badge>}
      actions={
        <>
          <ButtonLink to="/activity" search={{ filters: `api_key_id:${key.hash}` }}>
            Activity
          </ButtonLink>
          {mayWrite ? (
            <>
              <Button onClick={() => ask("change")}>Change</Button>
              <Button onClick={() => ask("rotate")}>Rotate</Button>
              <Button kind="danger" onClick={() => ask("delete")}>
                Delete
              </Button>
            </>
          ) : null}
        </>
      }
    >
      <Stats
        figures={[
          {
            label: "Today",
            value: usd(key.usage_daily),
            note: key.byok_usage_daily ? `and ${usd(key.byok_usage_daily)} by own keys` : null,
          },
          {
            label: "This week",
            value: usd(key.usage_weekly),
            note: key.byok_usage_weekly ? `and ${usd(key.byok_usage_weekly)} by own keys` : null,
          },
          {
            label: "This month",
            value: usd(key.usage_monthly),
            note: key.byok_usage_monthly ? `and ${usd(key.byok_usage_monthly)} by own keys` : null,
          },
          {
            label: "In total",
            value: usd(key.usage),
            note: key.byok_usage ? `and ${usd(key.byok_usage)} by own keys` : null,
          },
        ]}
      />
      <Details of={key} />
      {asked === "change" ? <ChangeKeyDialog of={key} onClose={close} /> : null}
      {asked === "rotate" ? <RotateKeyDialog of={key} onClose={close} onMinted={setMinted} /> : null}
      {asked === "delete" ? (
        <DeleteKeyDialog
          of={key}
          onClose={close}
          onDeleted={() => void navigate({ to: "/keys", search: {} })}
        />
      ) : null}
      {minted ? (
        <SecretDialog
          title={`The key “${minted.data.name}”`}
          label="The secret of the key"
          secret={minted.key}
          onClose={() => setMinted(null)}
        />
      ) : null}
    </Page>
  );
}
