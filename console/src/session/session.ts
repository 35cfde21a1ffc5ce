// Who is signed in, where they work, and what their role lets them do.

import { queryOptions, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";

import { type AccountSchemas, account, answer, keepCsrfToken } from "~/api/client";
import { errorOf } from "~/api/errors";

import { type Action, sessionMay } from "./may";

export type Session = AccountSchemas["Whole"];

/** Null when nobody is signed in. */
async function readSession(): Promise<Session | null> {
  const { data, error, response } = await account.GET("/session");
  if (response.status === 401) return null;
  if (!data) throw errorOf(error, response.status, response.headers);
  keepCsrfToken(data.data.csrf_token);
  return data.data;
}

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: readSession,
  staleTime: 5 * 60_000,
});

export async function signIn(email: string, password: string): Promise<Session> {
  const { data } = await answer(account.POST("/sign-in", { body: { email, password } }));
  keepCsrfToken(data.csrf_token);
  return data;
}

/** The session of a page that only people who are signed in see. */
export function useSession(): Session {
  const { data } = useSuspenseQuery(sessionQuery);
  if (data === null) throw new Error("Nobody is signed in.");
  return data;
}

/** Whether the role in the organisation allows something. It only hides what would be refused: the server decides. */
export function useMay(): (action: Action) => boolean {
  const session = useSession();
  return (action) => sessionMay(session, action);
}

/** Takes over a session that an answer tells of anew, and forgets what was read under the one before. */
export function useKeepSession(): (session: Session) => Promise<void> {
  const queries = useQueryClient();
  return async (session) => {
    keepCsrfToken(session.csrf_token);
    queries.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" });
    queries.setQueryData(sessionQuery.queryKey, session);
    await queries.invalidateQueries();
  };
}
