// How the parts of the platform are, and the messages that billing set aside.

import { queryOptions } from "@tanstack/react-query";

import { admin, answer, document } from "~/api/client";
import type { components } from "~/api/generated/admin";
import { type Paged, pagedQuery } from "~/api/paged";
import type { Tone } from "~/ui/Note";

type Schemas = components["schemas"];
export type ServiceStatus = Schemas["PlatformPart"];
export type Status = Schemas["PlatformStatus"];

const REFRESH = 5_000;

export const statusQuery = queryOptions({
  queryKey: ["operator", "status"],
  queryFn: () => answer(admin.GET("/status")),
  refetchInterval: REFRESH,
});

export const TONES: Record<ServiceStatus["state"], Tone | undefined> = {
  up: "good",
  down: "bad",
  unused: undefined,
};

const ORDER = ["edge", "router", "provider-worker", "billing", "postgres", "redis", "nats"];

/** What is down first, then from the edge inwards. */
export function ordered(services: readonly ServiceStatus[]): ServiceStatus[] {
  const place = (one: ServiceStatus) => {
    const at = ORDER.indexOf(one.service);
    return (one.state === "down" ? 0 : 100) + (at < 0 ? ORDER.length : at);
  };
  return [...services].sort((one, other) => place(one) - place(other) || one.name.localeCompare(other.name));
}

const UNITS = ["bytes", "KB", "MB", "GB", "TB"];

/** `1.5 MB`; thousands, as disks are sold. */
export function bytes(size: number): string {
  let [value, unit] = [size, 0];
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** A message that billing could not settle; the API's description leaves it open. */
export interface Parked {
  parked_id: string;
  subject: string;
  bytes: number;
  content: { generation_id: string; tenant_id: string; charge: string }[];
  error: string;
  parked_at: string;
  decision: "retry" | "drop" | null;
  decided_at: string | null;
  decided_by: string | null;
  reason: string | null;
}

export const parkedQuery = (isDecided: boolean) =>
  pagedQuery<Parked>(["operator", "parked", { isDecided }], (paging) =>
    document<Paged<Parked>>(
      admin.GET("/parked", { params: { query: { ...paging, ...(isDecided ? { decided: true } : {}) } } }),
    ),
  );

/** The newest block of a chain of seals; the API's description leaves it open. */
export interface Seal {
  tenant_id: string;
  block: number;
  sha256: string;
  prev_sha256: string;
  transfers: number;
  sealed_at: string;
}

export interface Seals extends Paged<Seal> {
  mark: { blocks: number; transfers: number; sealed_at: string };
}

export interface SealVerification {
  blocks: number;
  transfers: number;
  faults: Record<string, unknown>[];
}

export const verifySeals = (tenant: string | undefined): Promise<SealVerification> =>
  document<SealVerification>(
    admin.POST("/ledger/seals/verify", { params: { query: tenant ? { tenant } : {} } }),
  );
