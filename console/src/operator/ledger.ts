// What transfers are searched by, as the address holds it.

export interface LedgerSearch {
  tenant?: string | undefined;
  kind?: string | undefined;
  account?: string | undefined;
  source?: string | undefined;
  from?: string | undefined;
  until?: string | undefined;
  least?: string | undefined;
  most?: string | undefined;
}

/** What is typed; the tenant is chosen. */
export const FIELDS: { name: Exclude<keyof LedgerSearch, "tenant">; label: string; hint: string }[] = [
  { name: "kind", label: "Kind", hint: "such as usage" },
  { name: "account", label: "Account", hint: "code or id" },
  { name: "source", label: "Source", hint: "generation, payment" },
  { name: "from", label: "From", hint: "2026-11-01T00:00:00Z" },
  { name: "until", label: "Until", hint: "2026-12-01T00:00:00Z" },
  { name: "least", label: "At least (USD)", hint: "0" },
  { name: "most", label: "At most (USD)", hint: "any" },
];

export function ledgerSearch(raw: Record<string, unknown>): LedgerSearch {
  const search: LedgerSearch = {};
  for (const name of ["tenant", ...FIELDS.map((field) => field.name)] as const) {
    const value = raw[name];
    if ((typeof value === "string" && value !== "") || typeof value === "number")
      search[name] = String(value);
  }
  return search;
}
