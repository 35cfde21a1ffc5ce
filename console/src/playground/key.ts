// The key that the playground and the presets call the API with: inference takes keys, not sessions. It spends little,
// soon ends, and belongs to a person in an organisation. Its secret is in the memory of tabs only, and tabs that are open
// give it to each other: one browser needs one key. Making another deletes the one before, whose hash is remembered.

import { useEffect, useSyncExternalStore } from "react";

import { createKey, deleteKey } from "~/keys/keys";
import { queries } from "~/queries";

const LIMIT = 5;
const HOURS = 12;
const KEPT = "patchbay.playground";
const MADE = "patchbay.playground.made";
const listeners = new Set<() => void>();

export interface Kept {
  /** Who uses it and where: `ownerOf`. */
  owner: string;
  secret: string;
  /** Of a key that was made here; null = somebody pasted it. */
  hash: string | null;
  /** ISO; null = whoever pasted it knows. */
  expiresAt: string | null;
}

/** What tabs say to each other. */
type Said = { asks: string } | { gives: Kept };

export const ownerOf = (organization: string, user: string): string => `${organization} ${user}`;

function stored(storage: () => Storage, name: string): string {
  try {
    return storage().getItem(name) ?? "";
  } catch {
    return "";
  }
}

const read = (): string => stored(() => sessionStorage, KEPT);
const readMade = (): string => stored(() => localStorage, MADE);

function changed(): void {
  for (const listener of listeners) listener();
}

function write(kept: Kept | null): void {
  if (kept === null) sessionStorage.removeItem(KEPT);
  else sessionStorage.setItem(KEPT, JSON.stringify(kept));
  changed();
}

/** The hash of the key that this browser made last for an owner. */
export function lastMade(text: string, owner: string): string | null {
  try {
    const hash = (JSON.parse(text) as Record<string, unknown>)[owner];
    return typeof hash === "string" ? hash : null;
  } catch {
    return null;
  }
}

function rememberMade(owner: string, hash: string): void {
  try {
    const before = readMade();
    const all = before === "" ? {} : (JSON.parse(before) as Record<string, string>);
    localStorage.setItem(MADE, JSON.stringify({ ...all, [owner]: hash }));
  } catch {
    // Without a memory the next key is made beside this one, which soon ends.
  }
}

/** What is kept for an owner, if it serves: it has not expired, and no other tab has made another since. */
export function keptIn(text: string, owner: string, made: string, now: Date): Kept | null {
  try {
    const kept = JSON.parse(text) as Kept;
    const isOver = kept.expiresAt !== null && new Date(kept.expiresAt) <= now;
    const last = lastMade(made, owner);
    const isReplaced = kept.hash !== null && last !== null && kept.hash !== last;
    return kept.owner === owner && !isOver && !isReplaced ? kept : null;
  } catch {
    return null;
  }
}

let tabs: BroadcastChannel | null = null;
/** Whose key this tab asked the others for. */
let wanted: string | null = null;

function hear({ data }: MessageEvent<Said>): void {
  if ("asks" in data) {
    const kept = keptIn(read(), data.asks, readMade(), new Date());
    // A key that somebody pasted stays where it was pasted.
    if (kept !== null && kept.hash !== null) tabs?.postMessage({ gives: kept } satisfies Said);
  } else if (data.gives.owner === wanted) {
    wanted = null;
    write(data.gives);
  }
}

function listen(listener: () => void): () => void {
  if (tabs === null && typeof BroadcastChannel !== "undefined") {
    tabs = new BroadcastChannel(KEPT);
    tabs.addEventListener("message", hear);
  }
  listeners.add(listener);
  window.addEventListener("storage", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("storage", listener);
  };
}

/** The secret to call with; null until there is one. Another tab that has one gives it. */
export function usePlaygroundKey(owner: string): string | null {
  const text = useSyncExternalStore(listen, read);
  const made = useSyncExternalStore(listen, readMade);
  const secret = keptIn(text, owner, made, new Date())?.secret ?? null;
  const last = lastMade(made, owner);
  // Once, and when another tab made one; not when somebody had it forgotten.
  useEffect(() => {
    if (keptIn(read(), owner, readMade(), new Date()) !== null) return;
    wanted = owner;
    tabs?.postMessage({ asks: owner } satisfies Said);
  }, [owner, last]);
  return secret;
}

/** Makes a key with a small limit and a near end, in the place of the one that this browser made before. */
export async function makePlaygroundKey(owner: string): Promise<void> {
  const expiresAt = new Date(Date.now() + HOURS * 3_600_000).toISOString();
  const before = lastMade(readMade(), owner);
  const minted = await createKey({ name: "Playground", limit: LIMIT, expires_at: expiresAt });
  wanted = null;
  rememberMade(owner, minted.data.hash);
  write({ owner, secret: minted.key, hash: minted.data.hash, expiresAt });
  // It may be deleted already; if it cannot be, it soon ends.
  if (before !== null) await deleteKey(before).catch(() => null);
  void queries.invalidateQueries({ queryKey: ["keys"] });
}

export function keepPastedKey(owner: string, secret: string): void {
  wanted = null;
  write({ owner, secret, hash: null, expiresAt: null });
}

export const forgetPlaygroundKey = (): void => write(null);
export const PLAYGROUND_LIMIT = LIMIT;
export const PLAYGROUND_HOURS = HOURS;
