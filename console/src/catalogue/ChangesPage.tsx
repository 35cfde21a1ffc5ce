import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";

import { Ago } from "~/ui/Ago";
import { Button } from "~/ui/Button";
import { Badge, Empty, type Tone } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { PagedTable } from "~/ui/PagedTable";
import type { Column } from "~/ui/Table";

import "./catalogue.css";
import { said } from "./PreviewNote";
import { actionText, differencesOf, kindOf } from "./changes";
import { type Change, changesQuery } from "./rows";

const route = getRouteApi("/inside/operator/changes");

function Subject({ of }: { of: Change }) {
  const named = <span className="mono">{of.subject}</span>;
  switch (kindOf(of)) {
    case "endpoint": {
      const row = of.after ?? of.before;
      const name = typeof row?.["tag"] === "string" ? `${row["tag"]} · ${String(row["model"])}` : of.subject;
      return (
        <Link to="/operator/endpoints/$id" params={{ id: of.subject }} className="cut" title={of.subject}>
          {name}
        </Link>
      );
    }
    case "model":
      return (
        <Link to="/operator/model/$" params={{ _splat: of.subject }} className="cut">
          {named}
        </Link>
      );
    case "provider":
      return (
        <Link to="/operator/providers/$slug" params={{ slug: of.subject }} className="cut">
          {named}
        </Link>
      );
    default:
      return named;
  }
}

const AT_ONCE = 2;

function Differences({ of }: { of: Change }) {
  const all = differencesOf(of);
  const [isOpen, setOpen] = useState(all.length <= AT_ONCE);
  const shown = isOpen ? all : all.slice(0, AT_ONCE);
  return (
    <div className="stack-tight details">
      {shown.map(({ member, from, to }) => (
        <div key={member} className={isOpen ? undefined : "cut"}>
          <span className="soft">{member}</span> {of.before === null ? null : <>{said(from)} → </>}
          {said(to)}
        </div>
      ))}
      {all.length > AT_ONCE ? (
        <button type="button" className="link" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? "Fewer" : `${all.length - AT_ONCE} more`}
        </button>
      ) : null}
    </div>
  );
}

const toneOf = (action: string): Tone | undefined =>
  action.endsWith("off") || action.endsWith("withdrawn")
    ? "warn"
    : action.endsWith("made")
      ? "good"
      : undefined;

const COLUMNS: Column<Change>[] = [
  {
    id: "at",
    head: "When",
    width: "140px",
    cell: (one) => <Ago of={one.at} />,
  },
  { id: "version", head: "Version", width: "85px", align: "right", cell: (one) => one.catalogue_version },
  {
    id: "action",
    head: "What",
    width: "190px",
    cell: (one) => <Badge tone={toneOf(actionText(one))}>{actionText(one)}</Badge>,
  },
  {
    id: "subject",
    head: "Of",
    width: "minmax(200px, 1fr)",
    cell: (one) => (
      <div className="stack-tight">
        <Subject of={one} />
      </div>
    ),
  },
  {
    id: "difference",
    head: "From and to",
    width: "minmax(340px, 3fr)",
    cell: (one) => <Differences of={one} />,
  },
  {
    id: "actor",
    head: "Who",
    width: "minmax(150px, 1fr)",
    cell: (one) => <span className="mono">{one.actor}</span>,
  },
];

function Search({ subject, onSearch }: { subject: string; onSearch: (subject: string) => void }) {
  const [typed, type] = useState(subject);
  function submit(event: FormEvent): void {
    event.preventDefault();
    onSearch(typed.trim());
  }
  return (
    <form className="bar" onSubmit={submit} role="search">
      <input
        type="search"
        className="input grow"
        placeholder="Slug or endpoint's id (press /)"
        aria-label="Whose changes"
        value={typed}
        onChange={(event) => type(event.target.value)}
      />
      <Button type="submit">Show its changes</Button>
      {subject === "" ? null : (
        <Button kind="quiet" onClick={() => onSearch("")}>
          Show all
        </Button>
      )}
    </form>
  );
}

export function ChangesPage() {
  const { subject } = route.useSearch();
  const navigate = route.useNavigate();
  const list = useInfiniteQuery(changesQuery(subject));
  return (
    <Page
      title="Catalogue changes"
      about="Who changed what of providers, models, endpoints and prices, newest first. Credentials never appear."
    >
      <Search
        key={subject ?? ""}
        subject={subject ?? ""}
        onSearch={(next) => void navigate({ search: next === "" ? {} : { subject: next } })}
      />
      <PagedTable
        list={list}
        label="Changes"
        columns={COLUMNS}
        rowKey={(one) => String(one.id)}
        rowHeight={64}
        empty={
          <Empty
            title={subject ? "Nothing of it was changed" : "Nothing was changed yet"}
            action={subject ? <Button onClick={() => void navigate({ search: {} })}>Show all</Button> : null}
          >
            {subject ? "It is as it was shipped, or nothing is called that." : null}
          </Empty>
        }
      />
    </Page>
  );
}
