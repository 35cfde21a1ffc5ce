// The served OpenAPI documents, to be searched and read.

import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";

import { errorOf } from "~/api/errors";
import { useSession } from "~/session/session";
import { found } from "~/shell/find";
import { CodeBlock } from "~/ui/Copy";
import { Segments } from "~/ui/Field";
import { Badge, Empty, ErrorNote, Loading } from "~/ui/Note";
import { Page, Scroll } from "~/ui/Page";
import { Prose } from "~/ui/Prose";
import { SearchBox } from "~/ui/SearchBox";

import "./explorer.css";
import { type Document, type Operation, curlOf, operationsOf, typeOf } from "./openapi";

const route = getRouteApi("/inside/explorer");

const BASES = { public: "/api/v1", account: "/account/v1", admin: "/admin/v1" } as const;
export type Which = keyof typeof BASES;

async function readDocument(base: string): Promise<Document> {
  const response = await fetch(`${base}/openapi.json`);
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw errorOf(body, response.status, response.headers);
  return body as Document;
}

function Detail({ of, document, base }: { of: Operation; document: Document; base: string }) {
  return (
    <article className="stack">
      <h2>
        <Badge tone="accent">{of.method}</Badge> <span className="mono">{base + of.path}</span>
      </h2>
      <p>{of.summary}</p>
      {of.description ? (
        <p className="prose soft">
          <Prose text={of.description} />
        </p>
      ) : null}
      <p className="soft">
        {of.security.length === 0 ? "Anybody may call it." : `Takes ${of.security.join(", or ")}.`}
      </p>
      {of.parameters.length > 0 ? (
        <Scroll label="Parameters">
          <table className="plain-table">
            <thead>
              <tr>
                <th scope="col">Parameter</th>
                <th scope="col">In</th>
                <th scope="col">Type</th>
                <th scope="col">What it is</th>
              </tr>
            </thead>
            <tbody>
              {of.parameters.map((one) => (
                <tr key={`${one.in} ${one.name}`}>
                  <td className="mono">{one.name}</td>
                  <td>{one.in}</td>
                  <td className="mono">{typeOf(one.schema, document)}</td>
                  <td className="told">{one.description ? <Prose text={one.description} /> : null}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      ) : null}
      <CodeBlock label="The call in a shell" code={curlOf(of, window.location.origin + base)} />
      {of.body ? (
        <>
          <h3>Body</h3>
          <CodeBlock label="The body" code={typeOf(of.body, document)} />
        </>
      ) : null}
      {of.responses.map((response) => (
        <section className="stack" key={response.status}>
          <h3>
            <Badge tone={response.status.startsWith("2") ? "good" : "warn"}>
              {response.status === "default" ? "refused" : response.status}
            </Badge>{" "}
            {response.description}
          </h3>
          {response.schema ? (
            <CodeBlock label={`Answer ${response.status}`} code={typeOf(response.schema, document)} />
          ) : null}
        </section>
      ))}
    </article>
  );
}

/** Operations under their tags, in the document's order. */
function byTag(operations: Operation[]): [string, Operation[]][] {
  const groups = new Map<string, Operation[]>();
  for (const one of operations) groups.set(one.tag, [...(groups.get(one.tag) ?? []), one]);
  return [...groups];
}

export function ExplorerPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { user } = useSession();
  const { of: which = "public", q = "" } = search;
  const base = BASES[which];
  const {
    data: document,
    error,
    refetch,
  } = useQuery({ queryKey: ["openapi", which], queryFn: () => readDocument(base), staleTime: 300_000 });
  const operations = useMemo(() => (document ? operationsOf(document) : []), [document]);
  const shown = useMemo(
    () =>
      q
        ? found(q, operations, (one) => `${one.method} ${one.path} ${one.summary} ${one.id} ${one.tag}`, 500)
        : operations,
    [q, operations],
  );
  const chosen = operations.find((one) => one.id === search.operation) ?? shown[0];
  const options: { value: Which; label: string }[] = [
    { value: "public", label: "API" },
    { value: "account", label: "Account" },
    ...(user.is_platform_admin ? [{ value: "admin" as const, label: "Operators" }] : []),
  ];
  return (
    <Page
      title="API explorer"
      about={
        <>
          Made from the code that answers. The document itself:{" "}
          <a href={`${base}/openapi.json`}>{base}/openapi.json</a>
        </>
      }
      actions={
        <Segments
          label="API"
          options={options}
          value={which}
          onChange={(of) => void navigate({ search: { of } })}
        />
      }
    >
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {document ? (
        <div className="explorer">
          <nav className="stack" aria-label="Operations">
            <SearchBox
              className="input"
              placeholder="Search (press /)"
              aria-label="Search operations"
              value={q}
              onSearch={(text) =>
                void navigate({
                  search: { ...search, q: text || undefined, operation: undefined },
                  replace: true,
                })
              }
            />
            <div className="explorer-list">
              {byTag(shown).map(([tag, list]) => (
                <section key={tag}>
                  <h3 className="soft">{tag}</h3>
                  {list.map((one) => (
                    <button
                      key={one.id}
                      type="button"
                      className="explorer-entry"
                      aria-current={one === chosen || undefined}
                      onClick={() => void navigate({ search: { ...search, operation: one.id } })}
                    >
                      <span className="explorer-method">{one.method}</span>
                      <span className="cut">{one.summary || one.path}</span>
                    </button>
                  ))}
                </section>
              ))}
            </div>
          </nav>
          {chosen ? (
            <Detail of={chosen} document={document} base={base} />
          ) : (
            <Empty title="No operation is called that" />
          )}
        </div>
      ) : error ? null : (
        <Loading lines={10} />
      )}
    </Page>
  );
}
