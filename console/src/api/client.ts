// The three APIs, typed by their documents. All take the session's cookie; what changes something sends its CSRF token.

import createClient, { type Middleware } from "openapi-fetch";

import { ApiError, errorOf, isRefusal } from "./errors";
import type { components as AccountComponents, paths as AccountPaths } from "./generated/account";
import type { paths as AdminPaths } from "./generated/admin";
import type { components, paths as PublicPaths } from "./generated/public";

export type Schemas = components["schemas"];
export type AccountSchemas = AccountComponents["schemas"];

let csrfToken = "";
/** Called with every session that is read. */
export function keepCsrfToken(token: string): void {
  csrfToken = token;
}

const READING = new Set(["GET", "HEAD"]);

const csrf: Middleware = {
  onRequest({ request }) {
    if (!READING.has(request.method) && csrfToken !== "") request.headers.set("x-csrf-token", csrfToken);
    return request;
  },
};

/** Looked up with each call, so that tests can answer in the server's place. */
async function send(request: Request): Promise<Response> {
  try {
    return await globalThis.fetch(request);
  } catch (error) {
    // Whoever stopped waiting is not told of a connection.
    if (request.signal.aborted) throw error;
    throw new ApiError(0, "The server cannot be reached.");
  }
}

export const api = createClient<PublicPaths>({ baseUrl: "/api/v1", fetch: send });
export const admin = createClient<AdminPaths>({ baseUrl: "/admin/v1", fetch: send });
export const account = createClient<AccountPaths>({ baseUrl: "/account/v1", fetch: send });
for (const client of [api, admin, account]) client.use(csrf);

interface Outcome<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/**
 * The body of an answer.
 *
 * @throws {ApiError} when the API refused.
 */
export async function answer<T>(call: Promise<Outcome<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw errorOf(error, response.status, response.headers);
  return data as T;
}

/** An answer that the documents leave open, as what its reader knows it to be. */
export async function document<T>(call: Promise<Outcome<unknown>>): Promise<T> {
  return (await answer(call)) as T;
}

/** Whether asking again could help: not when the API refused, but for its limits and faults. */
export function isWorthRetrying(failures: number, error: unknown): boolean {
  const isRefused = error instanceof ApiError && isRefusal(error);
  return !isRefused && failures < 2;
}
