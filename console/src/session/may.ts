// What roles may do: the same table as the edge's, for what a page offers.

import type { Role } from "~/api/account";

const READS = [
  "activity",
  "budgets",
  "generations",
  "keys",
  "members",
  "organization",
  "workspaces",
] as const;
const KNOWN = [
  ...READS,
  "byok",
  "credits",
  "feedback",
  "guardrails",
  "invoices",
  "observability",
  "payments",
  "presets",
  "audit",
  "content",
] as const;

export type Action = `${(typeof KNOWN)[number]}.${"read" | "write"}`;

const reads: Action[] = READS.map((thing): Action => `${thing}.read`);

const ALLOWED: Record<Exclude<Role, "owner" | "admin">, ReadonlySet<Action>> = {
  billing: new Set<Action>([
    ...reads,
    "budgets.write",
    "credits.read",
    "invoices.read",
    "payments.read",
    "payments.write",
  ]),
  developer: new Set<Action>([
    ...reads,
    "byok.read",
    "credits.read",
    "feedback.write",
    "guardrails.read",
    "keys.write",
    "observability.read",
    "presets.read",
    "presets.write",
  ]),
  viewer: new Set<Action>([...reads, "guardrails.read", "presets.read"]),
};

export function roleMay(role: Role, action: Action): boolean {
  return role === "owner" || role === "admin" || ALLOWED[role].has(action);
}

/** By what the session says that the role allows; by the table above where an older platform does not say. */
export function sessionMay(
  session: { organization: { role: Role } | null; actions?: readonly string[] },
  action: Action,
): boolean {
  if (session.organization === null) return false;
  return session.actions?.includes(action) ?? roleMay(session.organization.role, action);
}
