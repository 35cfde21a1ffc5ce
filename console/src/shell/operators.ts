// The pages of those who run the platform.

import type { Group } from "./navigation";

const OPERATORS: Group = {
  label: "Operate",
  forOperators: true,
  places: [
    { to: "/operator", label: "Overview", keys: "g o", words: "operator traffic spend margin errors live" },
    { to: "/operator/tenants", label: "Tenants", keys: "g t", words: "operator organisations plan credit" },
    { to: "/operator/health", label: "Endpoint health", words: "operator providers uptime breaker" },
  ],
};

const CATALOGUE: Group = {
  label: "Catalogue",
  forOperators: true,
  places: [
    { to: "/operator/providers", label: "Providers", words: "operator credentials base url dialect" },
    { to: "/operator/models", label: "Models and aliases", words: "operator models deprecate aliases" },
    { to: "/operator/endpoints", label: "Endpoints", words: "operator limits capabilities" },
    { to: "/operator/prices", label: "Prices", words: "operator rates margin preview" },
    { to: "/operator/changes", label: "Catalogue changes", words: "operator record history" },
  ],
};

const ROUTING: Group = {
  label: "Routing",
  forOperators: true,
  places: [
    { to: "/operator/decisions", label: "Decisions", words: "operator routing why chosen" },
    { to: "/operator/explain", label: "Explain a request", words: "operator routing dry run" },
    { to: "/operator/replay", label: "Replay", words: "operator routing policy what if" },
  ],
};

const MONEY: Group = {
  label: "Money",
  forOperators: true,
  places: [
    { to: "/operator/plans", label: "Plans", words: "operator markup fees prepaid postpaid" },
    { to: "/operator/periods", label: "Periods", words: "operator close month grace drafts" },
    { to: "/operator/invoices", label: "Tenants' invoices", words: "operator credit notes statements paid" },
    { to: "/operator/bills", label: "Providers' bills", words: "operator reconciliation import pay" },
    { to: "/operator/accounts", label: "Accounts", words: "operator payouts cash payable revenue books" },
    { to: "/operator/ledger", label: "Ledger", words: "operator transfers double entry" },
    { to: "/operator/invariants", label: "Invariants", words: "operator money checks" },
    { to: "/operator/seals", label: "Seals", words: "operator verify hash chain tampered" },
  ],
};

const PLATFORM: Group = {
  label: "Platform",
  forOperators: true,
  places: [
    { to: "/operator/status", label: "System status", words: "operator services spool postgres redis nats" },
    { to: "/operator/parked", label: "Parked messages", words: "operator retry drop usage" },
    { to: "/operator/flags", label: "Feature flags", words: "operator own keys cache logging" },
    { to: "/operator/audit", label: "Operators' audit", words: "operator changes verify" },
  ],
};

export const OPERATOR_GROUPS: Group[] = [OPERATORS, CATALOGUE, ROUTING, MONEY, PLATFORM];
