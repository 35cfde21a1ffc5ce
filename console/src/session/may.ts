// What a role may do, as the session tells it, for what a page offers.

/** What the actions that pages ask about are done to. */
export const THINGS = [
  "activity",
  "audit",
  "budgets",
  "byok",
  "content",
  "credits",
  "feedback",
  "generations",
  "guardrails",
  "invoices",
  "keys",
  "members",
  "observability",
  "organization",
  "payments",
  "presets",
  "workspaces",
] as const;

export type Action = `${(typeof THINGS)[number]}.${"read" | "write"}`;

/** Without an organisation there is nothing to do anything to. */
export function sessionMay(
  session: { organization?: object | null; actions: readonly string[] },
  action: Action,
): boolean {
  return Boolean(session.organization) && session.actions.includes(action);
}
