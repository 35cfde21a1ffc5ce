import { type ReactNode, useEffect } from "react";

/** The element that says to those who do not see it which page has come: no page is loaded anew. */
export const PAGE_NAME = "page-name";

export function Page({
  title,
  about,
  actions,
  isList = false,
  children,
}: {
  title: string;
  about?: ReactNode;
  actions?: ReactNode;
  /** A page that is one long list: the list takes what the window has left and scrolls by itself. */
  isList?: boolean;
  children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · Patchbay`;
    const said = document.getElementById(PAGE_NAME);
    if (said !== null) said.textContent = title;
  }, [title]);
  return (
    <div className={isList ? "page page-list" : "page"}>
      <header className="page-head">
        <div>
          <h1>{title}</h1>
          {about ? <p>{about}</p> : null}
        </div>
        {actions ? <div className="page-actions">{actions}</div> : null}
      </header>
      {children}
    </div>
  );
}

export function Card({
  title,
  actions,
  children,
}: {
  title?: string;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className="card">
      {title || actions ? (
        <div className="card-head">
          {title ? <h2>{title}</h2> : <span />}
          {actions}
        </div>
      ) : null}
      <div className="card-body">{children}</div>
    </section>
  );
}

export interface Figure {
  label: string;
  value: ReactNode;
  note?: ReactNode;
}

export function Stats({ figures }: { figures: Figure[] }) {
  return (
    <dl className="stats">
      {figures.map((figure) => (
        <div className="stat" key={figure.label}>
          <dt>{figure.label}</dt>
          <dd>
            {figure.value}
            {figure.note ? <small>{figure.note}</small> : null}
          </dd>
        </div>
      ))}
    </dl>
  );
}

export function Facts({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {facts.map(([name, value]) => [
        <dt key={`${name}-name`}>{name}</dt>,
        <dd key={`${name}-value`}>{value}</dd>,
      ])}
    </dl>
  );
}

/** What is wider than the page, such as a table of figures: scrolls sideways, also with the keyboard. */
export function Scroll({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="scroll" role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}

/** How much of a limit is used. */
export function Meter({ used, of, label }: { used: number; of: number; label: string }) {
  const share = of > 0 ? Math.min(1, Math.max(0, used / of)) : 0;
  const tone = share >= 1 ? "bad" : share >= 0.8 ? "warn" : undefined;
  return (
    <div
      className="meter"
      data-tone={tone}
      role="img"
      aria-label={`${label}: ${Math.round(share * 100)}% used`}
    >
      <span style={{ width: `${share * 100}%` }} />
    </div>
  );
}
