// The pages of those who run the platform.

import type { Group } from "./navigation";

export const OPERATORS: Group = {
  label: "Operate",
  forOperators: true,
  places: [
    { to: "/operator", label: "Overview", keys: "g o", words: "operator traffic spend margin errors" },
    { to: "/operator/tenants", label: "Tenants", words: "operator organisations plan credit" },
    { to: "/operator/health", label: "Endpoint health", words: "operator providers uptime breaker" },
    { to: "/operator/ledger", label: "Ledger", words: "operator transfers double entry" },
    { to: "/operator/invariants", label: "Invariants", words: "operator money checks" },
    { to: "/operator/audit", label: "Operators' audit", words: "operator changes" },
  ],
};
