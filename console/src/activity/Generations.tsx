// The single generations of a time, the newest first.

import { useQuery } from "@tanstack/react-query";
import { Link, useRouter } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";

import { usd } from "~/format/money";
import { count, duration } from "~/format/number";
import { dateTime } from "~/format/time";
import { Button } from "~/ui/Button";
import { Badge, ErrorNote, Loading } from "~/ui/Note";
import { type Column, Table } from "~/ui/Table";

import { type Row, generationsQuery, numberIn, textIn } from "./analytics";
import type { Filter, Span } from "./search";

const FIRST = 200;
const MOST = 10_000;

const COLUMNS: Column<Row>[] = [
  {
    id: "at",
    head: "Minute",
    width: "190px",
    value: (row) => textIn(row, "date__minute"),
    cell: (row) => dateTime(textIn(row, "date__minute")),
  },
  {
    id: "id",
    head: "Generation",
    width: "minmax(230px, 2fr)",
    cell: (row) => (
      <Link className="mono cut" to="/generations/$id" params={{ id: textIn(row, "generation_id") ?? "" }}>
        {textIn(row, "generation_id")}
      </Link>
    ),
  },
  {
    id: "model",
    head: "Model",
    width: "minmax(180px, 2fr)",
    value: (row) => textIn(row, "model"),
    cell: (row) => <span className="cut">{textIn(row, "model")}</span>,
  },
  {
    id: "in",
    head: "Tokens in",
    width: "105px",
    align: "right",
    value: (row) => numberIn(row, "tokens_prompt"),
    cell: (row) => count(numberIn(row, "tokens_prompt")),
  },
  {
    id: "out",
    head: "Tokens out",
    width: "105px",
    align: "right",
    value: (row) => numberIn(row, "tokens_completion"),
    cell: (row) => count(numberIn(row, "tokens_completion")),
  },
  {
    id: "latency",
    head: "Latency",
    width: "100px",
    align: "right",
    value: (row) => numberIn(row, "avg_latency"),
    cell: (row) => duration(numberIn(row, "avg_latency")),
  },
  {
    id: "cost",
    head: "Cost",
    width: "130px",
    align: "right",
    value: (row) => numberIn(row, "total_usage"),
    cell: (row) => usd(numberIn(row, "total_usage")),
  },
  {
    id: "outcome",
    head: "Outcome",
    width: "100px",
    value: (row) => numberIn(row, "error_count"),
    cell: (row) =>
      numberIn(row, "error_count") ? <Badge tone="bad">error</Badge> : <Badge tone="good">answered</Badge>,
  },
];

/** Opens a generation by its id, as logs and `X-Generation-Id` have it. */
function Opener() {
  const router = useRouter();
  const [id, setId] = useState("");
  function open(event: FormEvent): void {
    event.preventDefault();
    if (id.trim() !== "") void router.navigate({ to: "/generations/$id", params: { id: id.trim() } });
  }
  return (
    <form className="bar" onSubmit={open}>
      <input
        type="search"
        className="input"
        aria-label="Open a generation by its id"
        placeholder="gen-…"
        value={id}
        onChange={(event) => setId(event.target.value)}
      />
      <Button type="submit">Open</Button>
    </form>
  );
}

export function Generations({ span, filters }: { span: Span; filters: Filter[] }) {
  const [limit, setLimit] = useState(FIRST);
  const { data, error, isFetching, refetch } = useQuery(generationsQuery(span, filters, limit));
  return (
    <section className="stack">
      <header className="page-head">
        <h2>Generations</h2>
        <Opener />
      </header>
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {data ? (
        <Table
          label="Generations"
          rows={data.rows}
          columns={COLUMNS}
          rowKey={(row) => textIn(row, "generation_id") ?? ""}
          empty={<p className="soft">No generation in this time.</p>}
        />
      ) : error ? null : (
        <Loading />
      )}
      {data?.isTruncated && limit < MOST ? (
        <div>
          <Button busy={isFetching} onClick={() => setLimit(Math.min(MOST, limit * 10))}>
            Show more
          </Button>
        </div>
      ) : null}
    </section>
  );
}
