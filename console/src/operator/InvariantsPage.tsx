import { useQuery } from "@tanstack/react-query";

import { admin, answer } from "~/api/client";
import type { components } from "~/api/generated/admin";
import { Ago } from "~/ui/Ago";
import { Badge, ErrorNote, Loading } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { type Column, Table } from "~/ui/Table";

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
      one.breaches === 0 ? (
        <Badge tone="good">holds</Badge>
      ) : (
        <Badge tone="bad">{one.breaches} breaches</Badge>
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
    cell: (one) => <span className="mono cut">{one.tenant_id ?? "–"}</span>,
  },
  {
    id: "generation",
    head: "Generation",
    width: "minmax(180px, 1fr)",
    cell: (one) => <span className="mono cut">{one.generation_id ?? "–"}</span>,
  },
  { id: "found", head: "Found", width: "130px", cell: (one) => <Ago of={one.found_at} /> },
];

export function InvariantsPage() {
  const { data, error, refetch } = useQuery({
    queryKey: ["operator", "invariants"],
    queryFn: () => answer(admin.GET("/invariants")),
    refetchInterval: 30_000,
  });
  return (
    <Page
      title="Invariants"
      about="What has to be true of all money, checked in the database every half minute."
    >
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
