// The record of changes in words: which members of a row differ, with what they were and became.

import { CLASSES, classOf, dollars } from "./rates";
import type { Change, Members } from "./rows";

export interface Difference {
  member: string;
  from: unknown;
  to: unknown;
}

const isMembers = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Members of members as `timeouts.total_ms`; lists of objects by their places. */
function flat(value: unknown, name: string, into: Map<string, unknown>): void {
  if (isMembers(value)) {
    for (const [member, inner] of Object.entries(value))
      flat(inner, name === "" ? member : `${name}.${member}`, into);
  } else if (Array.isArray(value) && value.some(isMembers)) {
    value.forEach((inner, place) => flat(inner, `${name}.${place + 1}`, into));
  } else {
    into.set(name, value);
  }
}

/** Rates stand in the record as pico-USD. */
function readable(name: string, value: unknown): unknown {
  if (!/(^|\.)book\./.test(name) || typeof value !== "number") return value;
  const found = CLASSES.find((one) => name.endsWith(`.${one.name}`));
  return found ? `${dollars(BigInt(value), classOf(found.name))} / ${found.per}` : value;
}

const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
const isAlike = (one: unknown, other: unknown): boolean =>
  (isEmpty(one) && isEmpty(other)) || JSON.stringify(one) === JSON.stringify(other);

const HIDDEN = new Set(["id", "endpoint_id", "price.id", "price.endpoint_id"]);

export function differencesOf({ before, after }: Pick<Change, "before" | "after">): Difference[] {
  const [was, is] = [new Map<string, unknown>(), new Map<string, unknown>()];
  flat(before ?? {}, "", was);
  flat(after ?? {}, "", is);
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((member) => !HIDDEN.has(member) && !isAlike(was.get(member), is.get(member)))
    .map((member) => ({
      member: member.replace(/(^|\.)book\./, "$1"),
      from: readable(member, was.get(member)),
      to: readable(member, is.get(member)),
    }));
}

const ACTIONS: Record<string, string> = {
  seed: "catalogue shipped",
  put_provider: "provider",
  put_model: "model",
  put_endpoint: "endpoint",
  put_price: "price set",
  withdraw_price: "price withdrawn",
};

/** What was done; whether a row was new or switched off stands in what differs. */
export function actionText({ action, before, after }: Change): string {
  const named = ACTIONS[action] ?? action.replaceAll("_", " ");
  if (!action.startsWith("put_") || action === "put_price") return named;
  if (before === null) return `${named} made`;
  if (before["disabled"] !== after?.["disabled"])
    return `${named} switched ${after?.["disabled"] === true ? "off" : "on"}`;
  return `${named} changed`;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-/;

/** Where a subject has its page. */
export function kindOf({
  subject,
  action,
}: Pick<Change, "subject" | "action">): "endpoint" | "model" | "provider" | null {
  if (UUID.test(subject)) return "endpoint";
  if (subject.includes("/")) return "model";
  return action === "put_provider" ? "provider" : null;
}
