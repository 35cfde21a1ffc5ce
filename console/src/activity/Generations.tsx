// The single generations of a time, the newest first.

import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { Link, useRouter } from "@tanstack/react-router";
import { type FormEvent, useMemo, useState } from "react";

import { usd } from "~/format/money";
import { count, duration } from "~/format/number";
import { ago, dateTime } from "~/format/time";
import { Button } from "~/ui/Button";
import { Badge, Note } from "~/ui/Note";
import { PagedTable } from "~/ui/PagedTable";
import type { Column } from "~/ui/Table";

import { type ListedGeneration, STATUSES, askedOf, generationsQuery } from "./generations";
import type { Filter, GenerationStatus, Span } from "./search";

/** A value that the list is narrowed by when it is pressed. */
function Narrow({
  filter,
  text,
  onFilter,
}: {
  filter: Filter | null;
  text: string | null | undefined;
  onFilter: (filter: Filter) => void;
}) {
  if (!text) return <span className="soft">–</span>;
  if (filter === null) return <span className="cut">{text}</span>;
  return (
    <button type="button" className="link cut" title="Show only this" onClick={() => onFilter(filter)}>
      {text}
    </button>
  );
}

const filterOf = (field: string, value: string | null | undefined): Filter | null =>
  value ? { field, value } : null;

const columnsOf = (onFilter: (filter: Filter) => void): Column<ListedGeneration>[] => [
  {
    id: "at",
    head: "When",
    width: "140px",
    value: (one) => one.created_at,
    cell: (one) => (
      <Link to="/generations/$id" params={{ id: one.id }} title={`${dateTime(one.created_at)} ${one.id}`}>
        {ago(one.created_at)}
      </Link>
    ),
  },
  {
    id: "status",
    head: "Outcome",
    width: "115px",
    value: (one) => one.status,
    cell: (one) => {
      const known = STATUSES.find((status) => status.value === one.status);
      return (
        <Badge tone={known?.tone} title={one.finish_reason ?? ""}>
          {known?.label ?? one.status}
        </Badge>
      );
    },
  },
  {
    id: "model",
    head: "Model, provider",
    width: "minmax(190px, 3fr)",
    value: (one) => one.model,
    cell: (one) => (
      <div className="stack-tight">
        <Narrow filter={filterOf("model", one.model)} text={one.model} onFilter={onFilter} />
        <span className="soft cut">
          {one.provider ?? "no provider"}
          {one.is_byok ? ", own key" : ""}
        </span>
      </div>
    ),
  },
  {
    id: "key",
    head: "Key, member",
    width: "minmax(130px, 2fr)",
    value: (one) => one.key?.name,
    cell: (one) => (
      <div className="stack-tight">
        <Narrow
          filter={filterOf("api_key_id", one.key?.hash)}
          text={one.key ? (one.key.name ?? "a key that is gone") : null}
          onFilter={onFilter}
        />
        {one.person ? <span className="soft cut">{one.person.name ?? "no member any more"}</span> : null}
      </div>
    ),
  },
  {
    id: "tokens",
    head: "Tokens",
    width: "110px",
    align: "right",
    value: (one) => one.tokens_prompt + one.tokens_completion,
    cell: (one) => (
      <div
        className="stack-tight"
        title={`${count(one.tokens_cached)} read from caches, ${count(one.tokens_reasoning)} for reasoning`}
      >
        <span>{count(one.tokens_prompt)} in</span>
        <span className="soft">{count(one.tokens_completion)} out</span>
      </div>
    ),
  },
  {
    id: "latency",
    head: "Latency",
    width: "120px",
    align: "right",
    value: (one) => one.latency_ms,
    cell: (one) => (
      <div className="stack-tight" title="To the last content, and to the first">
        <span>{duration(one.latency_ms)}</span>
        <span className="soft">first {duration(one.ttft_ms)}</span>
      </div>
    ),
  },
  {
    id: "attempts",
    head: "Attempts",
    width: "90px",
    align: "right",
    value: (one) => one.attempts,
    cell: (one) => (one.attempts > 1 ? <Badge tone="warn">{one.attempts}</Badge> : one.attempts),
  },
  {
    id: "cost",
    head: "Cost",
    width: "125px",
    align: "right",
    value: (one) => one.cost,
    cell: (one) => (
      <span title={one.is_byok ? `${usd(one.byok_cost)} at your own provider` : undefined}>
        {usd(one.cost)}
      </span>
    ),
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
        required
        value={id}
        onChange={(event) => setId(event.target.value)}
      />
      <Button type="submit">Open</Button>
    </form>
  );
}

export function Generations({
  span,
  filters,
  status,
  names,
  onFilter,
  onStatus,
}: {
  span: Span;
  filters: Filter[];
  status: GenerationStatus | undefined;
  /** What fields are called. */
  names: Record<string, string>;
  onFilter: (filter: Filter) => void;
  onStatus: (status: GenerationStatus | undefined) => void;
}) {
  const { query, unheard } = useMemo(() => askedOf(span, filters, status), [span, filters, status]);
  const list = useInfiniteQuery({
    ...generationsQuery(query),
    // The minute that runs moves on: what was read stays in sight until the answer is there.
    placeholderData: keepPreviousData,
  });
  const columns = useMemo(() => columnsOf(onFilter), [onFilter]);
  return (
    <section className="stack">
      <header className="page-head">
        <h2>Generations</h2>
        <div className="bar">
          <select
            className="input"
            aria-label="Outcome"
            value={status ?? ""}
            onChange={(event) => onStatus(STATUSES.find((one) => one.value === event.target.value)?.value)}
          >
            <option value="">with any outcome</option>
            {STATUSES.map((one) => (
              <option key={one.value} value={one.value}>
                {one.label}
              </option>
            ))}
          </select>
          <Opener />
        </div>
      </header>
      {unheard.length > 0 ? (
        <Note>
          Single generations are not narrowed by {unheard.map((field) => names[field] ?? field).join(", ")}.
        </Note>
      ) : null}
      <PagedTable
        list={list}
        label="Generations"
        columns={columns}
        rowKey={(one) => one.id}
        rowHeight={60}
        empty={<p className="soft">No generation in this time is like that.</p>}
      />
    </section>
  );
}
