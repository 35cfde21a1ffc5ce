// The pages of those who run the platform.

import type { Group } from "./navigation";

export const OPERATORS: Group = {
  label: "Operate",
  forOperators: true,
  places: [
    { to: "/operator", label: "Overview", keys: "g o", words: "operator traffic spend margin errors live" },
    { to: "/operator/tenants", label: "Tenants", keys: "g t", words: "operator organisations plan credit" },
    { to: "/operator/health", label: "Endpoint health", words: "operator providers uptime breaker" },
  ],
};

const MONEY: Group = {
  label: "Money",
  forOperators: true,
  places: [
    { to: "/operator/plans", label: "Plans", words: "operator markup fees prepaid postpaid" },
    { to: "/operator/periods", label: "Periods", words: "operator close month grace drafts" },
    { to: "/operator/invoices", label: "Tenants' invoices", words: "operator credit notes statements paid" },
  ],
};

const PLATFORM: Group = {
  label: "Platform",
  forOperators: true,
  places: [
    { to: "/operator/ledger", label: "Ledger", words: "operator transfers double entry" },
    { to: "/operator/invariants", label: "Invariants", words: "operator money checks" },
    { to: "/operator/audit", label: "Operators' audit", words: "operator changes" },
  ],
};

export const OPERATOR_GROUPS: Group[] = [OPERATORS, MONEY, PLATFORM];
