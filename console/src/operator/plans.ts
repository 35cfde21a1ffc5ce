import { queryOptions } from "@tanstack/react-query";

import { admin, answer } from "~/api/client";
import type { components } from "~/api/generated/admin";

export type Plan = components["schemas"]["Plan"];

export const plansQuery = queryOptions({
  queryKey: ["operator", "plans"],
  queryFn: async () => (await answer(admin.GET("/plans", { params: { query: { limit: 100 } } }))).data,
});

/** Hundredths of a percent as percent. */
export const basisPoints = (points: number | null | undefined): string =>
  points === null || points === undefined ? "–" : `${(points / 100).toFixed(2)}%`;
