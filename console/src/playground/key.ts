// The key that the playground and the presets call the API with: inference takes keys, not sessions. It lives as long as
// the tab, belongs to the organisation that is worked in, and spends little.

import { useSyncExternalStore } from "react";

import { createKey } from "~/keys/keys";

const LIMIT = 5;
const HOURS = 12;
const KEPT = "patchbay.playground";
const listeners = new Set<() => void>();

interface Kept {
  organization: string;
  secret: string;
  /** ISO; null = whoever pasted it knows. */
  expiresAt: string | null;
}

function read(): string {
  try {
    return sessionStorage.getItem(KEPT) ?? "";
  } catch {
    return "";
  }
}

function write(kept: Kept | null): void {
  if (kept === null) sessionStorage.removeItem(KEPT);
  else sessionStorage.setItem(KEPT, JSON.stringify(kept));
  for (const listener of listeners) listener();
}

/** The secret for an organisation, if one is kept that has not expired. */
export function secretIn(text: string, organization: string, now: Date): string | null {
  try {
    const kept = JSON.parse(text) as Kept;
    const isOver = kept.expiresAt !== null && new Date(kept.expiresAt) <= now;
    return kept.organization === organization && !isOver ? kept.secret : null;
  } catch {
    return null;
  }
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function usePlaygroundKey(organization: string): string | null {
  return secretIn(useSyncExternalStore(listen, read), organization, new Date());
}

/** Makes a key with a small limit and a near end. */
export async function makePlaygroundKey(organization: string): Promise<void> {
  const expiresAt = new Date(Date.now() + HOURS * 3_600_000).toISOString();
  const minted = await createKey({ name: "Playground", limit: LIMIT, expires_at: expiresAt });
  write({ organization, secret: minted.key, expiresAt });
}

export function keepPastedKey(organization: string, secret: string): void {
  write({ organization, secret, expiresAt: null });
}

export const forgetPlaygroundKey = (): void => write(null);
export const PLAYGROUND_LIMIT = LIMIT;
export const PLAYGROUND_HOURS = HOURS;
