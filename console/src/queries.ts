// What was read, and how long it is believed.

import { QueryCache, QueryClient } from "@tanstack/react-query";

import { isWorthRetrying } from "./api/client";
import { ApiError } from "./api/errors";

/** Milliseconds in which nothing is asked twice. */
const FRESH = 15_000;

export const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError(error) {
      // The session has ended: asking for it again leads to signing in.
      const isSignedOut = error instanceof ApiError && error.status === 401;
      if (isSignedOut) void queries.invalidateQueries({ queryKey: ["session"] });
    },
  }),
  defaultOptions: { queries: { staleTime: FRESH, retry: isWorthRetrying } },
});
