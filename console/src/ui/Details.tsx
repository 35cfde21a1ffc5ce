// What was changed, as names and values: nothing that is not set, and at first only the foremost.

import { useState } from "react";

import { shortened } from "./Actor";

const FIRST = 3;
const IDENTIFIER = /^[0-9a-f-]{32,}$/;

function said(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value) && value.every((one) => typeof one !== "object")) return value.join(", ");
  return JSON.stringify(value);
}

export function Details({ of }: { of: unknown }) {
  const [isAsked, setAsked] = useState(false);
  if (typeof of !== "object" || of === null) return <span className="soft">–</span>;
  const known = Object.entries(of).filter(
    ([, value]) => value !== null && value !== undefined && value !== "",
  );
  if (known.length === 0) return <span className="soft">–</span>;
  const isMore = known.length > FIRST;
  const isOpen = isAsked || !isMore;
  const shown = isOpen ? known : known.slice(0, FIRST);
  return (
    <div className="changes">
      {shown.map(([name, value]) => (
        <span key={name} className={isOpen ? "whole" : "cut"} title={said(value)}>
          <span className="soft">{name.replaceAll("_", " ")}</span>{" "}
          {!isOpen && IDENTIFIER.test(said(value)) ? shortened(said(value)) : said(value)}
        </span>
      ))}
      {isMore ? (
        <button type="button" className="link" aria-expanded={isOpen} onClick={() => setAsked(!isAsked)}>
          {isOpen ? "less" : `${known.length - FIRST} more`}
        </button>
      ) : null}
    </div>
  );
}
