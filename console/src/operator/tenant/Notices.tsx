import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { admin, answer } from "~/api/client";
import { messageOf } from "~/api/errors";
import type { components } from "~/api/generated/admin";
import { Ago } from "~/ui/Ago";
import { Button } from "~/ui/Button";
import { TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { Badge, Empty, ErrorNote, Loading, Note, type Tone } from "~/ui/Note";
import { Card } from "~/ui/Page";
import { PagedTable } from "~/ui/PagedTable";
import { SecretDialog } from "~/ui/SecretDialog";
import type { Column } from "~/ui/Table";
import { say } from "~/ui/toast";

import { type Notice, keyOf, noticeSettingsQuery, noticesQuery } from "./tenant";

type Settings = components["schemas"]["NoticeSettings"];

const TONES: Record<string, Tone> = { delivered: "good", pending: "warn", dead: "bad" };

const COLUMNS: Column<Notice>[] = [
  {
    id: "at",
    head: "When",
    width: "150px",
    value: (one) => one.created_at,
    cell: (one) => <Ago of={one.created_at} />,
  },
  { id: "type", head: "What", width: "180px", value: (one) => one.type, cell: (one) => one.type },
  {
    id: "delivery",
    head: "Delivery",
    width: "130px",
    value: (one) => one.delivery,
    cell: (one) => <Badge tone={TONES[one.delivery]}>{one.delivery}</Badge>,
  },
  {
    id: "tries",
    head: "Tries",
    width: "80px",
    align: "right",
    value: (one) => one.tries,
    cell: (one) => one.tries,
  },
  {
    id: "error",
    head: "Last error",
    width: "minmax(180px, 1fr)",
    cell: (one) => <span className="soft details">{one.last_error ?? "–"}</span>,
  },
  {
    id: "body",
    head: "It said",
    width: "minmax(240px, 2fr)",
    cell: (one) => <span className="mono soft details">{JSON.stringify(one.body)}</span>,
  },
];

function SettingsForm({
  tenant,
  of,
  onSecret,
}: {
  tenant: string;
  of: Settings;
  onSecret: (secret: string) => void;
}) {
  const queries = useQueryClient();
  const { form, field } = useForm({ url: of.webhook_url ?? "", secret: "", low: of.low_balance ?? "" });
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    const body = {
      webhook_url: form.url.trim() || null,
      low_balance: form.low.trim() || null,
      ...(form.secret ? { webhook_secret: form.secret } : {}),
    };
    try {
      const { data } = await answer(
        admin.PUT("/tenants/{tenant}/notices/settings", { params: { path: { tenant } }, body }),
      );
      await queries.invalidateQueries({ queryKey: keyOf(tenant, "notice-settings") });
      if (data.new_secret) onSecret(data.new_secret);
      say("The settings are in force.");
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <form className="form" onSubmit={(event) => void submit(event)}>
      <div className="input-row">
        <TextField
          label="Webhook"
          type="url"
          placeholder="none"
          hint="https, at port 443 or 8443."
          {...field("url")}
        />
        <TextField
          label="Its secret"
          type="password"
          autoComplete="off"
          placeholder={of.has_secret ? "stays as it is" : "one is made"}
          {...field("secret")}
        />
        <TextField
          label="Told when less is left than (USD)"
          inputMode="decimal"
          placeholder="not told"
          {...field("low")}
        />
      </div>
      {failure === null ? null : <Note tone="bad">{failure}</Note>}
      <div className="form-actions">
        <Button kind="primary" type="submit" busy={isBusy}>
          Save
        </Button>
      </div>
    </form>
  );
}

export function NoticesPart({ tenant }: { tenant: string }) {
  const settings = useQuery(noticeSettingsQuery(tenant));
  const list = useInfiniteQuery(noticesQuery(tenant));
  const [secret, keep] = useState<string | null>(null);
  return (
    <>
      <Card title="How the tenant is told">
        {settings.error ? <ErrorNote error={settings.error} onRetry={() => void settings.refetch()} /> : null}
        {settings.data ? (
          <SettingsForm
            key={settings.dataUpdatedAt}
            tenant={tenant}
            of={settings.data}
            onSecret={(made) => keep(made)}
          />
        ) : settings.error ? null : (
          <Loading lines={3} />
        )}
      </Card>
      <PagedTable
        list={list}
        label="Notices"
        columns={COLUMNS}
        rowKey={(one) => one.id}
        empty={
          <Empty title="The tenant was not told of anything yet">
            Notices are of low balances, and of budgets and key limits at 80 and 100 percent.
          </Empty>
        }
      />
      {secret === null ? null : (
        <SecretDialog
          title="The webhook's secret"
          label="The webhook's secret"
          secret={secret}
          onClose={() => keep(null)}
        />
      )}
    </>
  );
}
