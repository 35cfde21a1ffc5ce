import { queryOptions } from "@tanstack/react-query";

import { type Schemas, answer, api } from "~/api/client";

export type Workspace = Schemas["Workspace"];

const PAGE = 100;

/** Every workspace, the default one first. There are at most a thousand. */
export const workspacesQuery = queryOptions({
  queryKey: ["workspaces"],
  queryFn: async () => {
    const all: Workspace[] = [];
    for (;;) {
      const page = await answer(api.GET("/workspaces", { params: { query: { offset: all.length, limit: PAGE } } }));
      all.push(...page.data);
      if (page.data.length < PAGE || all.length >= page.total_count) return all;
    }
  },
  staleTime: 60_000,
});
