// Keys of the keyboard: one with a modifier, or two pressed one after the other.

import { useEffect, useRef, useSyncExternalStore } from "react";

/** Milliseconds in which the second key has to follow the first. */
const PATIENCE = 1200;

const KEPT = "patchbay.keys";
const listeners = new Set<() => void>();

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Whether keys without a modifier do anything: who dictates, or hits keys by accident, turns them off. */
export function areOn(): boolean {
  try {
    return localStorage.getItem(KEPT) !== "off";
  } catch {
    return true;
  }
}

/** For this browser. */
export function turn(on: boolean): void {
  try {
    if (on) localStorage.removeItem(KEPT);
    else localStorage.setItem(KEPT, "off");
  } catch {
    // Without storage they stay on.
  }
  for (const listener of listeners) listener();
}

export const useAreOn = (): boolean => useSyncExternalStore(listen, areOn);

export type Shortcuts = Record<string, () => void>;

export interface Pressed {
  key: string;
  at: number;
}

/**
 * What a key means after the one before it: the name of a shortcut, or null. Names are `?`, `g m`; a first key that
 * only begins something means nothing yet.
 */
export function meaning(names: readonly string[], before: Pressed | null, now: Pressed): string | null {
  const pair = before !== null && now.at - before.at <= PATIENCE ? `${before.key} ${now.key}` : null;
  if (pair !== null && names.includes(pair)) return pair;
  return names.includes(now.key) ? now.key : null;
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}

export function useShortcuts(shortcuts: Shortcuts): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  useEffect(() => {
    let before: Pressed | null = null;
    function listen(event: KeyboardEvent): void {
      const isPalette =
        (event.metaKey || event.ctrlKey) &&
        !event.shiftKey &&
        !event.altKey &&
        event.key.toLowerCase() === "k";
      if (isPalette && latest.current["palette"]) {
        event.preventDefault();
        latest.current["palette"]();
        return;
      }
      if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target) || !areOn()) return;
      // Dialogs and menus have keys of their own.
      if (document.querySelector("[role=dialog], [role=menu]") !== null) return;
      const now = { key: event.key, at: event.timeStamp };
      const name = meaning(Object.keys(latest.current), before, now);
      before = name === null ? now : null;
      if (name === null) return;
      event.preventDefault();
      latest.current[name]?.();
    }
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);
}
