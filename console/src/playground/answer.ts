// What has come of one model's answer so far.

import { type ApiError, errorOf } from "~/api/errors";

export interface RoutedEndpoint {
  provider: string;
  model: string;
  selected?: boolean;
}

/** Of `openrouter_metadata`, what is shown. */
export interface Routing {
  requested: string;
  strategy: string;
  region: string | null;
  summary: string;
  attempt: number;
  is_byok: boolean;
  endpoints: { total: number; available: RoutedEndpoint[] };
  attempts?: { model: string; provider: string; status: number }[];
  pipeline?: { type: string; name: string; summary?: string }[];
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  cost?: number;
  prompt_tokens_details?: { cached_tokens?: number } | null;
  completion_tokens_details?: { reasoning_tokens?: number } | null;
}

export interface Answer {
  state: "waiting" | "streaming" | "done" | "stopped" | "failed";
  text: string;
  reasoning: string;
  /** The model and provider that answered. */
  model: string | null;
  provider: string | null;
  generation: string | null;
  finish: string | null;
  usage: Usage | null;
  routing: Routing | null;
  error: ApiError | null;
  /** Milliseconds from the request on. */
  firstToken: number | null;
  elapsed: number | null;
}

export const WAITING: Answer = {
  state: "waiting",
  text: "",
  reasoning: "",
  model: null,
  provider: null,
  generation: null,
  finish: null,
  usage: null,
  routing: null,
  error: null,
  firstToken: null,
  elapsed: null,
};

export interface Chunk {
  id?: string;
  model?: string;
  provider?: string;
  choices?: {
    delta?: { content?: string | null; reasoning?: string | null };
    finish_reason?: string | null;
  }[];
  usage?: Usage;
  openrouter_metadata?: Routing;
  error?: { code?: number; message?: string };
}

/** The answer with one more chunk, `at` milliseconds after the request. */
export function withChunk(answer: Answer, chunk: Chunk, at: number): Answer {
  const choice = chunk.choices?.[0];
  const text = choice?.delta?.content ?? "";
  const reasoning = choice?.delta?.reasoning ?? "";
  const isFirst = answer.firstToken === null && (text !== "" || reasoning !== "");
  const next: Answer = {
    ...answer,
    state: "streaming",
    text: answer.text + text,
    reasoning: answer.reasoning + reasoning,
    model: chunk.model ?? answer.model,
    provider: chunk.provider ?? answer.provider,
    generation: chunk.id ?? answer.generation,
    finish: choice?.finish_reason ?? answer.finish,
    usage: chunk.usage ?? answer.usage,
    routing: chunk.openrouter_metadata ?? answer.routing,
    firstToken: isFirst ? at : answer.firstToken,
    elapsed: at,
  };
  // Once streaming has begun, a failure is an event in the stream.
  if (chunk.error) return { ...next, state: "failed", error: errorOf(chunk, chunk.error.code ?? 500) };
  return next;
}

/** Shorter than this an answer came in one piece, and had no speed. */
const LEAST_MS = 20;

/** Output tokens a second, from the first token on. */
export function speedOf({ usage, firstToken, elapsed }: Answer): number | null {
  if (usage === null || firstToken === null || elapsed === null || elapsed - firstToken < LEAST_MS)
    return null;
  return usage.completion_tokens / ((elapsed - firstToken) / 1000);
}
