// Every page that has a place in the navigation, with its shortcut. One entry here and one route make a page.

import type { LinkProps } from "@tanstack/react-router";

import type { Action } from "~/session/may";

export interface Place {
  to: NonNullable<LinkProps["to"]>;
  label: string;
  /** Keys pressed one after the other. */
  keys?: string;
  /** Only for those whose role may. */
  needs?: Action;
  /** Other words that it is found by. */
  words?: string;
}

export interface Group {
  label: string;
  places: Place[];
  forOperators?: boolean;
}

export const NAVIGATION: Group[] = [
  {
    label: "Build",
    places: [
      { to: "/", label: "Start", keys: "g h", words: "home snippets quickstart curl sdk" },
      { to: "/models", label: "Models", keys: "g m", words: "catalogue prices endpoints compare" },
      { to: "/playground", label: "Playground", keys: "g p", words: "chat try compare" },
      { to: "/keys", label: "Keys", keys: "g k", needs: "keys.read", words: "api keys limits rotate" },
      { to: "/presets", label: "Presets", needs: "presets.read", words: "system prompt versions" },
      { to: "/explorer", label: "API explorer", keys: "g x", words: "openapi reference documentation" },
    ],
  },
  {
    label: "Watch",
    places: [
      {
        to: "/activity",
        label: "Activity",
        keys: "g a",
        needs: "activity.read",
        words: "usage spend charts generations",
      },
      {
        to: "/destinations",
        label: "Destinations",
        needs: "observability.read",
        words: "traces langfuse otel webhook",
      },
    ],
  },
  {
    label: "Govern",
    places: [
      {
        to: "/guardrails",
        label: "Guardrails",
        keys: "g g",
        needs: "guardrails.read",
        words: "policy filters budgets",
      },
      { to: "/byok", label: "Own provider keys", keys: "g b", needs: "byok.read", words: "byok credentials" },
      { to: "/workspaces", label: "Workspaces", keys: "g w", needs: "workspaces.read", words: "budgets" },
      { to: "/members", label: "Members", needs: "members.read", words: "team invite roles" },
      { to: "/audit", label: "Audit log", needs: "audit.read", words: "changes history" },
    ],
  },
  {
    label: "Account",
    places: [
      {
        to: "/credits",
        label: "Credits",
        keys: "g c",
        needs: "credits.read",
        words: "balance top-up payments",
      },
      {
        to: "/invoices",
        label: "Invoices",
        keys: "g i",
        needs: "invoices.read",
        words: "receipts statements pdf",
      },
      { to: "/settings", label: "Settings", keys: "g s", words: "password sessions organisation profile" },
    ],
  },
];
