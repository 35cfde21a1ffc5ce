import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import type { components } from "~/api/generated/admin";
import { Ago } from "~/ui/Ago";
import { Button } from "~/ui/Button";
import { Badge, ErrorNote, Loading } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { type Column, Table } from "~/ui/Table";

import { TenantLink } from "./TenantLink";
import { checkInvariants, invariantsQuery } from "./invariants";

type Invariant = components["schemas"]["Invariant"];
type Breach = components["schemas"]["Breach"];

const COLUMNS: Column<Invariant>[] = [
  {
    id: "name",
    head: "Invariant",
    width: "110px",
    value: (one) => one.invariant,
    cell: (one) => <span className="mono">{one.invariant}</span>,
  },
  {
    id: "state",
    head: "State",
    width: "130px",
    value: (one) => one.breaches,
    cell: (one) =>
      one.breaches > 0 ? (
        <Badge tone="bad">{one.breaches} breaches</Badge>
      ) : one.checked_at ? (
        <Badge tone="good">holds</Badge>
      ) : (
        <Badge>not checked yet</Badge>
      ),
  },
  { id: "meaning", head: "Says", width: "minmax(320px, 4fr)", cell: (one) => one.meaning },
  {
    id: "freezes",
    head: "Invoicing",
    width: "185px",
    cell: (one) => (one.freezes_invoicing ? "freezes when broken" : "goes on"),
  },
  {
    id: "checked",
    head: "Checked",
    width: "130px",
    value: (one) => one.checked_at,
    cell: (one) => <Ago of={one.checked_at} />,
  },
  {
    id: "whole",
    head: "As a whole",
    width: "130px",
    value: (one) => one.whole_at,
    cell: (one) => <Ago of={one.whole_at} />,
  },
];

const BREACHES: Column<Breach>[] = [
  {
    id: "invariant",
    head: "Invariant",
    width: "110px",
    cell: (one) => <span className="mono">{one.invariant}</span>,
  },
  { id: "detail", head: "What", width: "minmax(320px, 3fr)", cell: (one) => one.detail },
  {
    id: "tenant",
    head: "Tenant",
    width: "minmax(180px, 1fr)",
    cell: (one) => <TenantLink id={one.tenant_id} />,
  },
  {
    id: "generation",
    head: "Generation",
    width: "minmax(180px, 1fr)",
    cell: (one) => <span className="mono">{one.generation_id ?? "–"}</span>,
  },
  { id: "found", head: "Found", width: "130px", cell: (one) => <Ago of={one.found_at} /> },
];

export function InvariantsPage() {
  const queries = useQueryClient();
  const { data, error, refetch } = useQuery(invariantsQuery);
  const check = useMutation({
    mutationFn: checkInvariants,
    onSuccess: (found) => queries.setQueryData(invariantsQuery.queryKey, found),
  });
  return (
    <Page
      title="Invariants"
      about="What has to be true of all money, checked in the database every half minute: sums whole, single records of late."
      actions={
        <Button busy={check.isPending} onClick={() => check.mutate()}>
          Check everything
        </Button>
      }
    >
      {check.error ? <ErrorNote error={check.error} /> : null}
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {data ? (
        <>
          <Table
            label="Invariants"
            rows={data.invariants}
            columns={COLUMNS}
            rowKey={(one) => one.invariant}
            isWhole
          />
          {data.breaches.length > 0 ? (
            <>
              <h2>Breaches</h2>
              <Table
                label="Breaches"
                rows={data.breaches}
                columns={BREACHES}
                rowKey={(one) => JSON.stringify(one)}
              />
            </>
          ) : null}
        </>
      ) : error ? null : (
        <Loading />
      )}
    </Page>
  );
}
