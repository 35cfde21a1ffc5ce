// Who did something, as the record of changes names them: a person by name where known, else the kind and a short id.

import type { ReactNode } from "react";

const KINDS: Record<string, string> = { user: "person", key: "key", operator: "operator", token: "operator" };

export function Actor({ of, names }: { of: string; names?: ReadonlyMap<string, ReactNode> }) {
  const [kind = "", id = ""] = of.split(":", 2);
  const name = names?.get(id);
  if (name !== undefined) return <span title={of}>{name}</span>;
  if (id === "") {
    return (
      <span className={kind.length > 20 ? "mono soft cut" : "cut"} title={of}>
        {shortened(kind)}
      </span>
    );
  }
  return (
    <span className="cut" title={of}>
      {KINDS[kind] ?? kind} <span className="mono soft">{shortened(id)}</span>
    </span>
  );
}

/** An id that is long, by its end: ids of one hour begin alike. */
export const shortened = (id: string): string => (id.length > 20 ? `…${id.slice(-8)}` : id);
