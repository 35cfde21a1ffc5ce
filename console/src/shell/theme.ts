// Light, dark, or whatever the system says. `public/theme.js` applies the choice before the first paint.

import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";
const KEPT = "patchbay.theme";
const listeners = new Set<() => void>();

function current(): Theme {
  const theme = document.documentElement.dataset["theme"];
  return theme === "light" || theme === "dark" ? theme : "system";
}

function listen(listener: () => void): () => void {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  listeners.add(listener);
  system.addEventListener("change", listener);
  return () => {
    listeners.delete(listener);
    system.removeEventListener("change", listener);
  };
}

export function chooseTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
  try {
    if (theme === "system") localStorage.removeItem(KEPT);
    else localStorage.setItem(KEPT, theme);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  for (const listener of listeners) listener();
}

export const useTheme = (): Theme => useSyncExternalStore(listen, current);

function isDark(): boolean {
  const theme = current();
  return (
    theme === "dark" || (theme === "system" && window.matchMedia("(prefers-color-scheme: dark)").matches)
  );
}

/** What is drawn now, for what cannot use `light-dark()`: canvases. */
export const useIsDark = (): boolean => useSyncExternalStore(listen, isDark);
