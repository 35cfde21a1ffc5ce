import type { ReactNode } from "react";

import { ApiError, isRefusal, messageOf } from "~/api/errors";

import { Button } from "./Button";

export type Tone = "good" | "warn" | "bad" | "accent";

export function Note({ tone, children }: { tone?: Tone; children: ReactNode }) {
  return (
    <div className="note" data-tone={tone} role={tone === "bad" ? "alert" : undefined}>
      {children}
    </div>
  );
}

/** A refusal or fault, in the API's own words. */
export function ErrorNote({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  // One that is asked too often is answered later.
  const isFinal = error instanceof ApiError && isRefusal(error) && error.status !== 429;
  return (
    <Note tone="bad">
      <p>{messageOf(error)}</p>
      {error instanceof ApiError ? (
        <p className="soft">
          {error.status === 0 ? "no answer" : `HTTP ${error.status}`}
          {error.type === null ? "" : ` · ${error.type}`}
          {error.retryAfter === null ? "" : ` · again in ${error.retryAfter} s`}
        </p>
      ) : null}
      {onRetry && !isFinal ? (
        <Button size="small" onClick={onRetry}>
          Try again
        </Button>
      ) : null}
    </Note>
  );
}

interface Question {
  error: unknown;
  refetch: () => Promise<unknown>;
}

/** What an `ErrorNote` says of several questions, of which only those that failed are asked again; null when none did. */
export function failureOf(...questions: Question[]): { error: unknown; onRetry: () => void } | null {
  const failed = questions.filter((one) => one.error !== null);
  const onRetry = (): void => failed.forEach((one) => void one.refetch());
  return failed[0] ? { error: failed[0].error, onRetry } : null;
}

/** Says that there is nothing, and what would make something. */
export function Empty({
  title,
  children,
  action,
}: {
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children ? <p>{children}</p> : null}
      {action}
    </div>
  );
}

export function Badge({
  tone,
  children,
  title,
}: {
  tone?: Tone | undefined;
  children: ReactNode;
  title?: string;
}) {
  return (
    <span className="badge" data-tone={tone} title={title}>
      {children}
    </span>
  );
}

const WIDTHS = ["82%", "64%", "73%", "55%", "68%"];

export function Loading({ lines = 5 }: { lines?: number }) {
  return (
    <div className="loading" role="status">
      <p className="visually-hidden">Loading</p>
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} style={{ width: WIDTHS[line % WIDTHS.length] }} />
      ))}
    </div>
  );
}
