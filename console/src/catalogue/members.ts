// Rows as forms: which members there are, what stands in their fields, and which of them a change sends.

import { ApiError } from "~/api/errors";

import type { Members, Tagged } from "./rows";

export interface Field {
  /** The member; with a dot, one within another. */
  name: string;
  label: string;
  kind: "text" | "number" | "words" | "object" | "choice" | "maybe" | "flag" | "secret";
  hint?: string;
  options?: readonly string[];
  /** What an empty choice means. */
  none?: string;
  /** Said when it is made, and never again. */
  isFixed?: boolean;
  isRequired?: boolean;
}

export interface Group {
  legend: string;
  fields: Field[];
}

/** What stands in each field, by member. */
export type Form = Record<string, string>;

const fieldsOf = (groups: readonly Group[]): Field[] => groups.flatMap((group) => group.fields);

function within(row: Members, name: string): unknown {
  return name
    .split(".")
    .reduce<unknown>(
      (value, part) => (typeof value === "object" && value !== null ? (value as Members)[part] : undefined),
      row,
    );
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "object") return Object.keys(value).length === 0 ? "" : JSON.stringify(value, null, 2);
  return String(value);
}

export function formOf(groups: readonly Group[], row: object): Form {
  return Object.fromEntries(
    fieldsOf(groups).map((field) => [
      field.name,
      field.kind === "secret" ? "" : textOf(within(row as Members, field.name)),
    ]),
  );
}

export const wordsOf = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

const NUMBER = /^\d+(\.\d+)?$/;

/** What a field sends; `undefined` where it holds nothing that could be sent. */
function valueOf(field: Field, text: string): unknown {
  const trimmed = text.trim();
  if (trimmed === "") return field.kind === "flag" ? false : null;
  switch (field.kind) {
    case "number":
      return NUMBER.test(trimmed) ? Number(trimmed) : undefined;
    case "words":
      return wordsOf(trimmed);
    case "object":
      try {
        const value: unknown = JSON.parse(trimmed);
        return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
      } catch {
        return undefined;
      }
    case "maybe":
    case "flag":
      return trimmed === "true";
    default:
      return trimmed;
  }
}

const WRONG: Partial<Record<Field["kind"], string>> = {
  number: "A number.",
  object: 'An object of JSON, such as {"drop": ["seed"]}.',
};

export function mistakesOf(groups: readonly Group[], form: Form, isNew: boolean): Record<string, string> {
  const mistakes: Record<string, string> = {};
  for (const field of fieldsOf(groups)) {
    const text = form[field.name] ?? "";
    if (isNew && field.isRequired && text.trim() === "") mistakes[field.name] = "It is needed.";
    else if (valueOf(field, text) === undefined)
      mistakes[field.name] = WRONG[field.kind] ?? "Not understood.";
  }
  return mistakes;
}

function put(members: Members, name: string, value: unknown): void {
  const parts = name.split(".");
  const last = parts.pop() as string;
  let into = members;
  for (const part of parts) {
    into[part] ??= {};
    into = into[part] as Members;
  }
  into[last] = value;
}

/** What a change sends: what differs from before. An emptied field clears its member. */
export function membersOf(groups: readonly Group[], before: Form, form: Form): Members {
  const members: Members = {};
  for (const field of fieldsOf(groups)) {
    const [was, is] = [before[field.name] ?? "", form[field.name] ?? ""];
    if (was.trim() === is.trim()) continue;
    if (field.kind === "secret" && is.trim() === "") continue;
    put(members, field.name, valueOf(field, is));
  }
  return members;
}

/** Aliases are added and removed, not replaced. */
export function withAliases(members: Members, before: readonly string[]): Members {
  if (!("aliases" in members)) return members;
  const { aliases, ...others } = members;
  const wanted = (aliases as string[] | null) ?? [];
  const added = wanted.filter((one) => !before.includes(one));
  const removed = before.filter((one) => !wanted.includes(one));
  return {
    ...others,
    ...(added.length > 0 ? { aliases: added } : {}),
    ...(removed.length > 0 ? { remove_aliases: removed } : {}),
  };
}

const TRIES = 4;

/**
 * Sends a change of what was read, unless that reads differently by now.
 *
 * The tag of an endpoint or a model covers its health too, which moves by itself: where only that has moved, the row is
 * read again and the change goes out with the new tag.
 *
 * @throws when a member of the form was changed by somebody else meanwhile, or the API refuses.
 */
export async function changed<Row extends object, Answer>(
  groups: readonly Group[],
  before: Form,
  read: () => Promise<Tagged<Row>>,
  write: (tag: string | null) => Promise<Answer>,
): Promise<Answer> {
  for (let turn = 1; ; turn += 1) {
    const { row, tag } = await read();
    const now = formOf(groups, row);
    const others = fieldsOf(groups).filter((field) => now[field.name] !== (before[field.name] ?? ""));
    if (others.length > 0) {
      const names = others.map((field) => field.label.toLowerCase()).join(", ");
      throw new Error(`Somebody else changed it meanwhile: ${names}. Close this and open it again.`);
    }
    try {
      return await write(tag);
    } catch (error) {
      const hasMoved = error instanceof ApiError && error.status === 412;
      if (!hasMoved || turn === TRIES) throw error;
    }
  }
}
