// The pages of those who run the platform.

import type { Group } from "./navigation";

export const OPERATORS: Group = {
  label: "Operate",
  forOperators: true,
  places: [
    { to: "/operator", label: "Overview", keys: "g o", words: "operator traffic spend margin errors" },
    { to: "/operator/tenants", label: "Tenants", words: "operator organisations plan credit" },
    { to: "/operator/health", label: "Endpoint health", words: "operator providers uptime breaker" },
    { to: "/operator/providers", label: "Providers", words: "operator credentials base url dialect" },
    { to: "/operator/models", label: "Catalogue", words: "operator models deprecate aliases" },
    { to: "/operator/endpoints", label: "Endpoints", words: "operator limits capabilities" },
    { to: "/operator/prices", label: "Prices", words: "operator rates margin preview" },
    { to: "/operator/changes", label: "Catalogue changes", words: "operator record history" },
    { to: "/operator/decisions", label: "Decisions", words: "operator routing why chosen" },
    { to: "/operator/explain", label: "Explain a request", words: "operator routing dry run" },
    { to: "/operator/replay", label: "Replay", words: "operator routing policy what if" },
    { to: "/operator/ledger", label: "Ledger", words: "operator transfers double entry" },
    { to: "/operator/invariants", label: "Invariants", words: "operator money checks" },
    { to: "/operator/audit", label: "Operators' audit", words: "operator changes" },
  ],
};
