import { queryOptions } from "@tanstack/react-query";

import { type Schemas, account, answer, api } from "~/api/client";
import { wholeList } from "~/api/pages";

export type Member = Schemas["Member"];

export const ROLES: { value: string; label: string }[] = [
  { value: "owner", label: "owner: everything, and other owners" },
  { value: "admin", label: "admin: everything but owners" },
  { value: "developer", label: "developer: own keys, presets, activity" },
  { value: "billing", label: "billing: credit, payments, invoices, budgets" },
  { value: "viewer", label: "viewer: looks and changes nothing" },
];

export const membersQuery = queryOptions({
  queryKey: ["members"],
  queryFn: () => wholeList((query) => answer(api.GET("/organization/members", { params: { query } }))),
});

export const invitationsQuery = queryOptions({
  queryKey: ["invitations"],
  queryFn: () => wholeList((query) => answer(account.GET("/invitations", { params: { query } }))),
});

export const nameOf = (member: Member): string =>
  [member.first_name, member.last_name].filter(Boolean).join(" ") || member.email;
