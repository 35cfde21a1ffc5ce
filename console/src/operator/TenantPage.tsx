import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import { Button } from "~/ui/Button";
import { CopyButton } from "~/ui/Copy";
import { Loading, Note } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { Tabs } from "~/ui/Tabs";

import { ErasurePart } from "./tenant/Erasure";
import { FlagsPart } from "./tenant/Flags";
import { InviteDialog } from "./tenant/InviteDialog";
import { InvoicesPart } from "./tenant/Invoices";
import { KeysPart } from "./tenant/Keys";
import { LimitsPart } from "./tenant/Limits";
import { MoneyPart } from "./tenant/Money";
import { NoticesPart } from "./tenant/Notices";
import { PaymentsPart } from "./tenant/Payments";
import { ProfilePart } from "./tenant/Profile";
import { TABS, type Tab } from "./tenant/tenant";
import { tenantQuery } from "./tenants";

const route = getRouteApi("/inside/operator/tenants/$id");

const PARTS: Record<Tab, (props: { tenant: string }) => React.ReactNode> = {
  money: MoneyPart,
  keys: KeysPart,
  limits: LimitsPart,
  payments: PaymentsPart,
  invoices: InvoicesPart,
  profile: ProfilePart,
  notices: NoticesPart,
  flags: FlagsPart,
  erasure: ErasurePart,
};

export function TenantPage() {
  const { id: tenant } = route.useParams();
  const { tab = "money" } = route.useSearch();
  const { data: known, error } = useQuery(tenantQuery(tenant));
  const [isInviting, invite] = useState(false);
  const Part = PARTS[tab];
  if (known === null) {
    return (
      <Page title="Tenant" about={<span className="mono">{tenant}</span>}>
        <Note>
          There is no such tenant. <Link to="/operator/tenants">All tenants</Link>
        </Note>
      </Page>
    );
  }
  return (
    <Page
      title={known?.name ?? "Tenant"}
      about={
        <>
          {known && !known.slug.includes(tenant) ? `${known.slug} · ` : null}
          <span className="mono">{tenant}</span>
        </>
      }
      actions={
        <>
          <CopyButton text={tenant} label="Copy the id" />
          <Button onClick={() => invite(true)}>Invite an owner</Button>
        </>
      }
    >
      <Tabs
        label="Parts of the tenant"
        tabs={TABS}
        value={tab}
        searchOf={(to) => ({ tab: to === "money" ? undefined : to })}
      />
      {known || error ? <Part key={tenant} tenant={tenant} /> : <Loading />}
      {isInviting ? <InviteDialog tenant={tenant} onClose={() => invite(false)} /> : null}
    </Page>
  );
}
