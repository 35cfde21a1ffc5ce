// What has to be true of all money, and whether it is.

import { queryOptions } from "@tanstack/react-query";

import { admin, answer } from "~/api/client";

/** What the check of every half minute found. */
export const invariantsQuery = queryOptions({
  queryKey: ["operator", "invariants"],
  queryFn: () => answer(admin.GET("/invariants", { params: { query: { kept: true } } })),
  refetchInterval: 30_000,
});

/** Reads all there ever was, which takes minutes where there is much. */
export const checkInvariants = () => answer(admin.GET("/invariants"));
