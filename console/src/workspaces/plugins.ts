// Plugins that requests get without naming them: written as JSON, as a request's `plugins`.

export interface Plugin {
  id: string;
  [setting: string]: unknown;
}

/** As a form holds them. */
export interface Plugins {
  /** JSON; empty = none. */
  text: string;
  /** Whether nobody below replaces or disables them. */
  isFinal: boolean;
  /** Why requests go without one of those that are stored; null = they get them all. */
  broken: string | null;
}

/** As it is edited: an entry with its settings on a line or more, nothing where there are none. */
export function pluginsText(plugins: readonly object[] | null | undefined): string {
  return plugins && plugins.length > 0 ? JSON.stringify(plugins, null, 2) : "";
}

const isPlugin = (entry: unknown): entry is Plugin =>
  typeof entry === "object" && entry !== null && typeof (entry as { id?: unknown }).id === "string";

/**
 * What was typed; null when that is nothing.
 *
 * @throws when it is no list of plugins. Which plugins there are is for the API to say.
 */
export function pluginsOf(text: string): Plugin[] | null {
  if (text.trim() === "") return null;
  let entries: unknown;
  try {
    entries = JSON.parse(text);
  } catch (error) {
    throw new Error(`This is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!Array.isArray(entries)) throw new Error('Plugins are a list: [{"id": "…"}].');
  const wrong = entries.findIndex((entry) => !isPlugin(entry));
  if (wrong >= 0) throw new Error(`Entry ${wrong + 1} is no object with an "id".`);
  const ids = (entries as Plugin[]).map((entry) => entry.id);
  const twice = ids.find((id, place) => ids.indexOf(id) !== place);
  if (twice !== undefined) throw new Error(`“${twice}” is there twice.`);
  return entries as Plugin[];
}

/** What is wrong with what was typed, if anything. */
export function pluginsTrouble(text: string): string | null {
  try {
    pluginsOf(text);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

interface Stored {
  default_plugins?: Record<string, unknown>[] | null;
  default_plugins_error?: string | null;
  prevent_plugin_overrides: boolean;
}

export const pluginsIn = (stored: Stored): Plugins => ({
  text: pluginsText(stored.default_plugins),
  isFinal: stored.prevent_plugin_overrides,
  broken: stored.default_plugins_error ?? null,
});

/**
 * What is asked of the API.
 *
 * @throws like `pluginsOf`.
 */
export const pluginsAsked = ({ text, isFinal }: Omit<Plugins, "broken">) => ({
  default_plugins: pluginsOf(text),
  prevent_plugin_overrides: isFinal,
});
