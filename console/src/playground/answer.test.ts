import { expect, test } from "vitest";

import { type Chunk, WAITING, speedOf, withChunk } from "./answer";

const text = (content: string): Chunk => ({
  id: "gen-1",
  choices: [{ delta: { content }, finish_reason: null }],
});

test("texts are put together and the first one is timed", () => {
  const role = withChunk(WAITING, { choices: [{ delta: { content: "" } }] }, 50);
  expect(role.firstToken).toBeNull();
  const answer = withChunk(withChunk(role, text("Hel"), 200), text("lo"), 300);
  expect(answer).toMatchObject({
    text: "Hello",
    firstToken: 200,
    elapsed: 300,
    generation: "gen-1",
    state: "streaming",
  });
});

test("usage and the speed come at the end", () => {
  const answer = withChunk(
    withChunk(WAITING, text("x"), 500),
    { usage: { prompt_tokens: 3, completion_tokens: 40, cost: 0.1 } },
    2500,
  );
  expect(speedOf(answer)).toBe(20);
  expect(speedOf(WAITING)).toBeNull();
});

test("an error in the stream keeps the text that came before it", () => {
  const failed = withChunk(
    withChunk(WAITING, text("half"), 10),
    { error: { code: 502, message: "The provider went away." } },
    20,
  );
  expect(failed).toMatchObject({ state: "failed", text: "half" });
  expect(failed.error).toMatchObject({ status: 502, message: "The provider went away." });
});
