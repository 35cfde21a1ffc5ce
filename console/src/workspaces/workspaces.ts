import { queryOptions } from "@tanstack/react-query";

import { type Schemas, answer, api } from "~/api/client";
import { wholeList } from "~/api/pages";

export type Workspace = Schemas["Workspace"];

/** Every workspace, the default one first. */
export const workspacesQuery = queryOptions({
  queryKey: ["workspaces"],
  queryFn: () => wholeList((query) => answer(api.GET("/workspaces", { params: { query } }))),
  staleTime: 60_000,
});
