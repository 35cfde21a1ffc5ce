// What OpenRouter's own client, whose validators are the strictest, must be able to do.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { OpenRouter } from "@openrouter/sdk";
import { PNG, WEATHER_SCHEMA, conversation, main, once, routing, silence } from "./checks.mjs";

const declaration = {
  name: "get_weather",
  description: "The weather in a city",
  parameters: WEATHER_SCHEMA,
};
const askWeather = "What is the weather in Paris? Call get_weather.";
const personSchema = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
};

const user = (content) => [{ role: "user", content }];
const routed = (target) => ({
  model: target.model,
  provider: { only: routing(target).only, allowFallbacks: false },
});

const chat_send = (client, target, request) =>
  client.chat.send({ chatRequest: { ...routed(target), stream: false, ...request } });
const responses_send = (client, target, request) =>
  client.responses.send({ responsesRequest: { ...routed(target), stream: false, ...request } });

function priced(usage, target) {
  assert.ok(usage?.cost > 0, `no cost: ${JSON.stringify(usage)}`);
}

async function fails(status, call) {
  await assert.rejects(call, (error) => {
    assert.equal(error.statusCode, status, `${error.constructor.name}: ${error.message}`);
    return true;
  });
}

conversation([], async function chat({ client }, target) {
  const answer = await chat_send(client, target, { messages: user("Say hello.") });
  assert.match(answer.choices[0].message.content, /hello/);
  assert.equal(answer.choices[0].finishReason, "stop");
  priced(answer.usage, target);
});

conversation([], async function chat_stream({ client }, target) {
  let text = "";
  let usage;
  let finish;
  const request = { messages: user("Count to five."), stream: true };
  for await (const chunk of await chat_send(client, target, request)) {
    text += chunk.choices[0]?.delta.content ?? "";
    finish = chunk.choices[0]?.finishReason ?? finish;
    usage = chunk.usage ?? usage;
  }
  assert.ok(text.length > 0);
  assert.equal(finish, "stop");
  priced(usage, target);
});

conversation(["tools"], async function chat_tools({ client }, target) {
  const messages = user(askWeather);
  const tools = [{ type: "function", function: declaration }];
  const answer = await chat_send(client, target, { messages, tools });
  const message = answer.choices[0].message;
  const [call] = message.toolCalls;
  assert.ok(JSON.parse(call.function.arguments).city);
  messages.push(message, { role: "tool", toolCallId: call.id, content: '{"celsius": 21}' });
  const rest = await chat_send(client, target, { messages, tools });
  assert.match(rest.choices[0].message.content, /celsius/, "the tool's result did not arrive");
});

conversation(["tools"], async function chat_tools_stream({ client }, target) {
  const tools = [{ type: "function", function: declaration }];
  let called = "";
  for await (const chunk of await chat_send(client, target, {
    messages: user(askWeather),
    tools,
    stream: true,
  })) {
    for (const call of chunk.choices[0]?.delta.toolCalls ?? []) called += call.function?.arguments ?? "";
  }
  assert.ok(JSON.parse(called).city, called);
});

conversation(["schema"], async function chat_schema({ client }, target) {
  const responseFormat = {
    type: "json_schema",
    jsonSchema: { name: "person", strict: true, schema: personSchema },
  };
  const answer = await chat_send(client, target, { messages: user("Invent a person."), responseFormat });
  assert.ok(Number.isInteger(JSON.parse(answer.choices[0].message.content).age));
});

conversation(["images"], async function chat_image({ client }, target) {
  const content = [
    { type: "text", text: "What is this?" },
    { type: "image_url", imageUrl: { url: `data:image/png;base64,${PNG}` } },
  ];
  const answer = await chat_send(client, target, { messages: user(content) });
  assert.match(answer.choices[0].message.content, /looked at the image/, "the image did not arrive");
});

conversation(["reasoning", "tools"], async function chat_reasoning_replay({ client }, target) {
  const messages = user(askWeather);
  const options = { tools: [{ type: "function", function: declaration }], reasoning: { effort: "high" } };
  const answer = await chat_send(client, target, { messages, ...options });
  const message = answer.choices[0].message;
  assert.ok(message.reasoningDetails?.length > 0, `no reasoning: ${JSON.stringify(message)}`);
  const result = { role: "tool", toolCallId: message.toolCalls[0].id, content: '{"celsius": 21}' };
  const rest = await chat_send(client, target, { messages: [...messages, message, result], ...options });
  assert.match(rest.choices[0].message.content, /celsius/, "the tool's result did not arrive");
});

conversation(["reasoning"], async function chat_reasoning_stream({ client }, target) {
  const request = { messages: user("Why is the sky blue?"), reasoning: { effort: "high" }, stream: true };
  let details = 0;
  for await (const chunk of await chat_send(client, target, request)) {
    details += chunk.choices[0]?.delta.reasoningDetails?.length ?? 0;
  }
  assert.ok(details > 0, "no reasoning came");
});

conversation([], async function response({ client }, target) {
  const answer = await responses_send(client, target, { input: "Say hello." });
  assert.equal(answer.status, "completed");
  assert.match(answer.output.at(-1).content[0].text, /hello/);
  priced(answer.usage, target);
});

conversation([], async function response_stream({ client }, target) {
  const kinds = [];
  let last;
  for await (const event of await responses_send(client, target, { input: "Count to five.", stream: true })) {
    kinds.push(event.type);
    last = event;
  }
  assert.equal(kinds[0], "response.created");
  assert.equal(kinds.at(-1), "response.completed", kinds.join());
  priced(last.response.usage, target);
});

conversation(["reasoning", "tools"], async function response_reasoning_stream({ client }, target) {
  const tools = [{ type: "function", strict: true, ...declaration }];
  const request = { input: askWeather, tools, reasoning: { effort: "high", summary: "auto" }, stream: true };
  const kinds = [];
  for await (const event of await responses_send(client, target, request)) kinds.push(event.type);
  assert.ok(kinds.includes("response.function_call_arguments.done"), kinds.join());
});

conversation(["tools"], async function response_tools({ client }, target) {
  const tools = [{ type: "function", strict: true, ...declaration }];
  const answer = await responses_send(client, target, { input: askWeather, tools });
  const call = answer.output.find((item) => item.type === "function_call");
  assert.ok(JSON.parse(call.arguments).city);
  const input = [
    { type: "message", role: "user", content: askWeather },
    ...answer.output,
    { type: "function_call_output", callId: call.callId, output: '{"celsius": 21}' },
  ];
  const rest = await responses_send(client, target, { input, tools });
  assert.match(rest.output.at(-1).content[0].text, /celsius/, "the tool's result did not arrive");
});

conversation([], async function errors({ client }, target) {
  const ask = (prompt) => () => chat_send(client, target, { messages: user(prompt) });
  await fails(429, ask("hello [[sim: status=429]]"));
  await fails(400, () => chat_send(client, target, { messages: [] }));
});

conversation([], async function stream_error({ client }, target) {
  const prompt = "Count to fifty. [[sim: tokens=300 cut_after_tokens=200]]";
  let broken;
  for await (const chunk of await chat_send(client, target, { messages: user(prompt), stream: true })) {
    broken = chunk.error ? chunk : broken;
  }
  assert.ok(broken?.error.code >= 500, JSON.stringify(broken));
  assert.equal(broken.choices[0].finishReason, "error");
});

once(async function refusals({ client, stranger }) {
  const chatRequest = { model: "openai/gpt-4o", messages: user("hello"), stream: false };
  await fails(400, () => client.chat.send({ chatRequest: { ...chatRequest, model: "nobody/nothing" } }));
  await fails(404, () =>
    client.chat.send({ chatRequest: { ...chatRequest, provider: { only: ["nobody"] } } }),
  );
  await fails(401, () => stranger.chat.send({ chatRequest }));
});

once(async function models({ client }) {
  const { result } = await client.models.list();
  assert.ok(result.data.length > 290);
  const { result: cheap } = await client.models.list({ sort: "pricing-low-to-high", maxPrice: 1 });
  const prices = cheap.data.map(({ pricing }) => Number(pricing.prompt) + Number(pricing.completion));
  assert.ok(prices.length > 20 && prices.length < result.data.length);
  assert.deepEqual(prices, prices.toSorted((one, other) => one - other));
  const pages = [];
  for await (const { result: page } of await client.models.list({ limit: 100, sort: "newest" })) {
    pages.push(...page.data.map(({ id }) => id));
  }
  assert.equal(new Set(pages).size, result.totalCount);
  const { data: one } = await client.models.get({ author: "anthropic", slug: "claude-3-5-sonnet" });
  assert.equal(one.id, "anthropic/claude-3.5-sonnet");
  await fails(404, () => client.models.get({ author: "nobody", slug: "nothing" }));
  assert.ok((await client.models.count()).data.count > 290);
});

once(async function endpoints({ client }) {
  const { data } = await client.endpoints.list({ author: "openai", slug: "gpt-4o" });
  const tags = data.endpoints.map(({ tag }) => tag);
  assert.ok(tags.includes("openai") && data.endpoints[0].supportsToolChoice.auto, `${tags}`);
  const { data: zdr } = await client.endpoints.listZdrEndpoints();
  assert.ok(zdr.length > 0);
  const { data: providers } = await client.providers.list();
  assert.ok(providers.some(({ slug }) => slug === "openai"));
});

once(async function modality_lists({ client }) {
  const { result: embedding } = await client.embeddings.listModels();
  assert.ok(embedding.data.some(({ id }) => id === "openai/text-embedding-3-small"));
  const { data: images } = await client.images.listModels();
  const { endpoints } = await client.images.listModelEndpoints({ author: "openai", slug: "gpt-image-1" });
  assert.ok(images.length > 0 && endpoints[0].pricing.length > 0);
});

once(async function account({ client, manager }) {
  const key = await client.apiKeys.getCurrentKeyMetadata();
  assert.equal(key.data.isManagementKey, false);
  const credits = await manager.credits.getCredits();
  assert.ok(credits.data.totalCredits > 0);
});

once(async function generation({ client }) {
  const chatRequest = { model: "openai/gpt-4o", messages: user("Say hello."), stream: false };
  const answer = await client.chat.send({ chatRequest });
  // Accounts settle within seconds of the answer.
  for (let tries = 0; ; tries += 1) {
    try {
      const found = await client.generations.getGeneration({ id: answer.id });
      assert.equal(found.data.totalCost, answer.usage.cost);
      return;
    } catch (error) {
      if (tries === 100 || error.statusCode !== 404) throw error;
      await sleep(250);
    }
  }
});

once(async function embeddings({ client }) {
  const requestBody = { model: "openai/text-embedding-3-small", input: ["one", "two"] };
  const answer = await client.embeddings.generate({ requestBody });
  assert.deepEqual(
    answer.data.map((row) => row.index),
    [0, 1],
  );
  assert.ok(answer.usage.cost > 0);
});

once(async function rerank({ client }) {
  const documents = ["a treatise on stones", "rivers and seas", "birds"];
  const requestBody = { model: "cohere/rerank-v3.5", query: "rivers", documents, topN: 2 };
  const answer = await client.rerank.rerank({ requestBody });
  assert.equal(answer.results.length, 2);
  assert.equal(answer.results[0].index, 1, "the document on rivers is not the first");
});

once(async function images({ client }) {
  const generate = (request) =>
    client.images.generate({
      imageGenerationRequest: { model: "openai/gpt-image-1", prompt: "A ball", ...request },
    });
  const answer = await generate({});
  assert.ok(Buffer.from((answer.result ?? answer).data[0].b64Json, "base64").length > 50);
  const kinds = [];
  const events = await generate({ stream: true });
  for await (const event of events.result ?? events) kinds.push((event.data ?? event).type);
  assert.equal(kinds.at(-1), "image_generation.completed");
});

once(async function speech({ client }) {
  const speechRequest = { model: "openai/gpt-4o-mini-tts", voice: "alloy", input: "Hello there." };
  const stream = await client.tts.createSpeech({ speechRequest });
  let bytes = 0;
  for await (const piece of stream) bytes += piece.byteLength;
  assert.ok(bytes > 1000);
});

once(async function transcription({ client }) {
  const inputAudio = { data: silence().toString("base64"), format: "wav" };
  const answer = await client.stt.createTranscription({
    sttRequest: { model: "openai/whisper-1", inputAudio },
  });
  assert.ok(answer.text);
});

await main(({ api_base, api_key, management_key }) => {
  const connect = (apiKey) =>
    new OpenRouter({ serverURL: api_base, apiKey, retryConfig: { strategy: "none" }, timeoutMs: 60_000 });
  return { client: connect(api_key), manager: connect(management_key), stranger: connect("sk-pb-v1-wrong") };
});
