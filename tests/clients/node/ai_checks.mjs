// What Vercel's AI SDK must be able to do with OpenRouter's provider for it.
import assert from "node:assert/strict";
import { createOpenRouter } from "@openrouter/ai-sdk-provider";
import { Output, embedMany, generateImage, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { PNG, conversation, main, once, routing } from "./checks.mjs";

const askWeather = "What is the weather in Paris? Call get_weather.";
const Person = z.object({ name: z.string(), age: z.number().int() });

function weather(asked) {
  return tool({
    description: "The weather in a city",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      asked.push(city);
      return { celsius: 21 };
    },
  });
}

const chatModel = (openrouter, target, settings) =>
  openrouter.chat(target.model, { provider: routing(target), ...settings });
const quiet = { maxRetries: 0 };

function priced(metadata, target) {
  const usage = metadata?.openrouter?.usage;
  assert.ok(usage?.cost > 0, `no cost: ${JSON.stringify(metadata)}`);
}

conversation([], async function generate_text(openrouter, target) {
  const model = chatModel(openrouter, target);
  const answer = await generateText({ model, prompt: "Say hello.", ...quiet });
  assert.match(answer.text, /hello/);
  assert.equal(answer.finishReason, "stop");
  assert.ok(answer.usage.inputTokens > 0 && answer.usage.outputTokens > 0, JSON.stringify(answer.usage));
  priced(answer.providerMetadata, target);
});

conversation([], async function stream_text(openrouter, target) {
  const failures = [];
  const answer = streamText({
    model: chatModel(openrouter, target),
    prompt: "Count to five.",
    onError: ({ error }) => failures.push(error),
    ...quiet,
  });
  let text = "";
  for await (const delta of answer.textStream) text += delta;
  assert.deepEqual(failures, []);
  assert.ok(text.length > 0);
  assert.equal(await answer.finishReason, "stop");
  assert.ok((await answer.usage).outputTokens > 0);
  priced(await answer.providerMetadata, target);
});

conversation(["tools"], async function tool_loop(openrouter, target) {
  const asked = [];
  const answer = await generateText({
    model: chatModel(openrouter, target),
    prompt: askWeather,
    tools: { get_weather: weather(asked) },
    stopWhen: stepCountIs(3),
    ...quiet,
  });
  assert.equal(asked.length, 1);
  assert.match(answer.text, /celsius/, "the tool's result did not arrive");
});

conversation(["tools"], async function tool_loop_stream(openrouter, target) {
  const asked = [];
  const failures = [];
  const answer = streamText({
    model: chatModel(openrouter, target),
    prompt: askWeather,
    tools: { get_weather: weather(asked) },
    stopWhen: stepCountIs(3),
    onError: ({ error }) => failures.push(error),
    ...quiet,
  });
  const text = await answer.text;
  assert.deepEqual(failures, []);
  assert.equal(asked.length, 1);
  assert.match(text, /celsius/, "the tool's result did not arrive");
});

conversation(["schema"], async function object(openrouter, target) {
  const answer = await generateText({
    model: chatModel(openrouter, target),
    prompt: "Invent a person.",
    output: Output.object({ schema: Person }),
    ...quiet,
  });
  Person.parse(answer.output);
});

conversation(["images"], async function image(openrouter, target) {
  const content = [
    { type: "text", text: "What is this?" },
    { type: "file", data: Buffer.from(PNG, "base64"), mediaType: "image/png" },
  ];
  const model = chatModel(openrouter, target);
  const answer = await generateText({ model, messages: [{ role: "user", content }], ...quiet });
  assert.match(answer.text, /looked at the image/, "the image did not arrive");
});

conversation(["reasoning"], async function reasoning_stream(openrouter, target) {
  const failures = [];
  const answer = streamText({
    model: chatModel(openrouter, target, { reasoning: { effort: "high" } }),
    prompt: "Why is the sky blue?",
    onError: ({ error }) => failures.push(error),
    ...quiet,
  });
  const text = await answer.text;
  const reasoning = await answer.reasoning;
  assert.deepEqual(failures, []);
  assert.ok(text.length > 0);
  assert.ok(reasoning.length > 0, "no reasoning came");
});

conversation(["reasoning", "tools"], async function reasoning_replay(openrouter, target) {
  const asked = [];
  const answer = await generateText({
    model: chatModel(openrouter, target, { reasoning: { effort: "high" } }),
    prompt: askWeather,
    tools: { get_weather: weather(asked) },
    stopWhen: stepCountIs(3),
    ...quiet,
  });
  assert.equal(asked.length, 1);
  assert.ok(answer.steps[0].reasoning.length > 0, "no reasoning came before the call");
  assert.match(answer.text, /celsius/, "the tool's result did not arrive");
});

conversation(["reasoning", "tools"], async function reasoning_stream_replay(openrouter, target) {
  const asked = [];
  const failures = [];
  const answer = streamText({
    model: chatModel(openrouter, target, { reasoning: { effort: "high" } }),
    prompt: askWeather,
    tools: { get_weather: weather(asked) },
    stopWhen: stepCountIs(3),
    onError: ({ error }) => failures.push(error),
    ...quiet,
  });
  const text = await answer.text;
  assert.deepEqual(failures, []);
  assert.equal(asked.length, 1);
  assert.match(text, /celsius/, "the tool's result did not arrive");
});

// The library asks completion models what they refuse, so these two are asked without it.
const completionOf = (openrouter, target) =>
  openrouter.completion(target.model, { extraBody: { provider: routing(target) } });
const asPrompt = (text) => [{ role: "user", content: [{ type: "text", text }] }];

conversation([], async function completion(openrouter, target) {
  const answer = await completionOf(openrouter, target).doGenerate({ prompt: asPrompt("Say hello.") });
  assert.ok(answer.content[0].text.length > 0);
});

conversation([], async function completion_stream(openrouter, target) {
  const { stream } = await completionOf(openrouter, target).doStream({ prompt: asPrompt("Count to five.") });
  const kinds = [];
  for await (const part of stream) kinds.push(part.type);
  assert.ok(kinds.includes("text-delta") && !kinds.includes("error"), kinds.join());
  assert.equal(kinds.at(-1), "finish");
});

conversation([], async function errors(openrouter, target) {
  const model = chatModel(openrouter, target);
  await assert.rejects(generateText({ model, prompt: "hello [[sim: status=429]]", ...quiet }), (error) => {
    assert.equal(error.statusCode, 429, `${error.constructor.name}: ${error.message}`);
    return true;
  });
});

conversation([], async function stream_error(openrouter, target) {
  const failures = [];
  const answer = streamText({
    model: chatModel(openrouter, target),
    prompt: "Count to fifty. [[sim: tokens=300 cut_after_tokens=200]]",
    onError: ({ error }) => failures.push(error),
    ...quiet,
  });
  let text = "";
  for await (const delta of answer.textStream) text += delta;
  assert.ok(text.length > 0, "what came before the break was lost");
  assert.ok(failures.length > 0 || (await answer.finishReason) === "error", "the break went unseen");
});

once(async function refusals(openrouter) {
  const model = openrouter.chat("nobody/nothing");
  await assert.rejects(generateText({ model, prompt: "hello", ...quiet }), (error) => {
    assert.equal(error.statusCode, 400, `${error.constructor.name}: ${error.message}`);
    assert.match(error.message, /is not a valid model ID/);
    return true;
  });
});

once(async function embeddings(openrouter) {
  const model = openrouter.textEmbeddingModel("openai/text-embedding-3-small");
  const answer = await embedMany({ model, values: ["one", "two"], ...quiet });
  assert.equal(answer.embeddings.length, 2);
  assert.ok(answer.embeddings[0].length > 100);
});

once(async function images(openrouter) {
  const model = openrouter.imageModel("google/gemini-2.5-flash-image");
  const answer = await generateImage({ model, prompt: "A red ball", ...quiet });
  assert.ok(answer.image.uint8Array.length > 50);
});

await main(({ api_base, api_key }) => createOpenRouter({ baseURL: api_base, apiKey: api_key }));
