// What an API says when it refuses. It is shown in its own words: they name the rule, the member or the limit.

export interface Availability {
  code: string;
  excluded_by?: string[];
  constraint?: { field: string; detail: string };
}

export class ApiError extends Error {
  override readonly name = "ApiError";
  constructor(
    readonly status: number,
    message: string,
    readonly type: string | null = null,
    readonly availability: Availability | null = null,
    /** Seconds, from `Retry-After`. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }
}

/** Whether the API refused, so that asking again comes to the same. Status 0 is a server that was not reached. */
export const isRefusal = (error: ApiError): boolean => error.status > 0 && error.status < 500;

type Members = Record<string, unknown>;
const isMembers = (value: unknown): value is Members => typeof value === "object" && value !== null;
const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

/** An error as a body and a response tell of it. Bodies that are no error of ours leave the status to speak. */
export function errorOf(body: unknown, status: number, headers?: Headers): ApiError {
  const error = isMembers(body) && isMembers(body["error"]) ? body["error"] : {};
  const metadata = isMembers(error["metadata"]) ? error["metadata"] : {};
  const availability = isMembers(error["availability"])
    ? (error["availability"] as unknown as Availability)
    : null;
  const message = text(error["message"]) ?? `The server answered ${status} and did not say why.`;
  const after = Number(headers?.get("retry-after") ?? Number.NaN);
  return new ApiError(
    status,
    message,
    text(metadata["error_type"]) ?? text(error["error_type"]),
    availability,
    Number.isFinite(after) ? after : null,
  );
}

/** What to show of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
