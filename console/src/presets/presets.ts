// Presets of a workspace: what is asked of the API.

import { queryOptions } from "@tanstack/react-query";

import { type Schemas, answer, api } from "~/api/client";
import { wholeList } from "~/api/pages";

export type Preset = Schemas["Preset"];
export type Status = Schemas["PresetStatus"];

/** The workspace as a query names it; the default one is not named. */
export const inWorkspace = (workspace: string | undefined) => (workspace ? { workspace_id: workspace } : {});

export const presetsQuery = (workspace: string | undefined) =>
  queryOptions({
    queryKey: ["presets", workspace],
    queryFn: () =>
      wholeList((query) =>
        answer(api.GET("/presets", { params: { query: { ...query, ...inWorkspace(workspace) } } })),
      ),
  });

export const versionsQuery = (workspace: string | undefined, slug: string) =>
  queryOptions({
    queryKey: ["presets", workspace, slug],
    queryFn: () =>
      wholeList((query) =>
        answer(
          api.GET("/presets/{slug}/versions", {
            params: { path: { slug }, query: { ...query, ...inWorkspace(workspace) } },
          }),
        ),
      ),
  });

/** What a version holds, as the form has it: the model, the system prompt, and the other members as JSON. */
export interface Draft {
  model: string;
  system: string;
  more: string;
}

export const EMPTY: Draft = { model: "", system: "", more: "" };

/** The form's fields for a version that there is, so that the next one begins with it. */
export function draftOf(version: { config: Record<string, unknown>; system_prompt?: string | null }): Draft {
  const { model, ...others } = version.config;
  return {
    model: typeof model === "string" ? model : "",
    system: version.system_prompt ?? "",
    more: Object.keys(others).length === 0 ? "" : JSON.stringify(others, null, 2),
  };
}

/**
 * The body of a chat request that makes such a version.
 *
 * @throws {Error} when the other members are no JSON object.
 */
export function bodyOf({ model, system, more }: Draft): Record<string, unknown> {
  let others: unknown = {};
  try {
    if (more.trim() !== "") others = JSON.parse(more);
  } catch {
    others = null;
  }
  if (typeof others !== "object" || others === null || Array.isArray(others)) {
    throw new Error('The other members must be a JSON object, such as {"temperature": 0.3}.');
  }
  return {
    ...others,
    ...(model.trim() === "" ? {} : { model: model.trim() }),
    ...(system.trim() === "" ? {} : { messages: [{ role: "system", content: system }] }),
  };
}
