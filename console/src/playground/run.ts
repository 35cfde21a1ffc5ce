// One request of the playground: streamed, with the key of the playground and never with the session.

import { errorOf } from "~/api/errors";

import { type Answer, type Chunk, type Routing, WAITING, withChunk } from "./answer";
import { eventsOf } from "./sse";

export interface Message {
  role: "system" | "user" | "assistant";
  content: string;
}

export interface Settings {
  temperature: number | null;
  maxTokens: number | null;
  /** `provider` of the request, as JSON. */
  provider: Record<string, unknown> | null;
}

export interface Asked {
  key: string;
  model: string;
  messages: Message[];
  settings: Settings;
  signal: AbortSignal;
}

export function bodyOf({
  model,
  messages,
  settings,
}: Pick<Asked, "model" | "messages" | "settings">): Record<string, unknown> {
  return {
    model,
    messages,
    stream: true,
    ...(settings.temperature === null ? {} : { temperature: settings.temperature }),
    ...(settings.maxTokens === null ? {} : { max_tokens: settings.maxTokens }),
    ...(settings.provider === null ? {} : { provider: settings.provider }),
  };
}

function send(asked: Asked): Promise<Response> {
  return fetch("/api/v1/chat/completions", {
    method: "POST",
    credentials: "omit",
    headers: {
      authorization: `Bearer ${asked.key}`,
      "content-type": "application/json",
      "x-openrouter-metadata": "enabled",
      "x-title": "Patchbay playground",
    },
    body: JSON.stringify(bodyOf(asked)),
    signal: asked.signal,
  });
}

/** Tells of the answer each time that more of it has come. Refusals and failures are told the same way. */
export async function run(asked: Asked, tell: (answer: Answer) => void): Promise<Answer> {
  const began = performance.now();
  const at = () => performance.now() - began;
  let answer = WAITING;
  try {
    const response = await send(asked);
    const generation = response.headers.get("x-generation-id");
    if (!response.ok || response.body === null) {
      const body: unknown = await response.json().catch(() => null);
      const routing = (body as { openrouter_metadata?: Routing } | null)?.openrouter_metadata ?? null;
      return {
        ...answer,
        state: "failed",
        generation,
        routing,
        elapsed: at(),
        error: errorOf(body, response.status, response.headers),
      };
    }
    answer = { ...answer, generation };
    for await (const event of eventsOf(response.body)) {
      if (event.data === "[DONE]") break;
      answer = withChunk(answer, JSON.parse(event.data) as Chunk, at());
      tell(answer);
    }
    return answer.state === "failed" ? answer : { ...answer, state: "done", elapsed: at() };
  } catch (error) {
    if (asked.signal.aborted) return { ...answer, state: "stopped", elapsed: at() };
    const message = error instanceof TypeError ? "The connection was lost." : String(error);
    return { ...answer, state: "failed", elapsed: at(), error: errorOf({ error: { message } }, 0) };
  }
}
