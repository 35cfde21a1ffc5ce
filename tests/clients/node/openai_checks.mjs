// What the official OpenAI client must be able to do: conversations in both its dialects.
import assert from "node:assert/strict";
import OpenAI, { toFile } from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { PNG, WEATHER_SCHEMA, conversation, main, once, refuses, routing, silence } from "./checks.mjs";

const description = "The weather in a city";
const declaration = { name: "get_weather", description, parameters: WEATHER_SCHEMA };
const weather = { type: "function", function: declaration };
const weatherToo = { type: "function", strict: true, ...declaration };
const askWeather = "What is the weather in Paris? Call get_weather.";
const Person = z.object({ name: z.string(), age: z.number().int() });

const user = (content) => [{ role: "user", content }];
const routed = (target) => ({ model: target.model, provider: routing(target) });

function priced(usage, target) {
  assert.ok(usage?.total_tokens > 0, `no usage: ${JSON.stringify(usage)}`);
  assert.ok(usage.cost > 0, `no cost: ${JSON.stringify(usage)}`);
}

conversation([], async function chat(client, target) {
  const answer = await client.chat.completions.create({ messages: user("Say hello."), ...routed(target) });
  assert.equal(answer.object, "chat.completion");
  assert.match(answer.id, /^gen-/);
  assert.match(answer.choices[0].message.content, /hello/);
  assert.equal(answer.choices[0].finish_reason, "stop");
  priced(answer.usage, target);
});

conversation([], async function chat_stream(client, target) {
  const stream = client.chat.completions.stream({
    messages: user("Count to five."),
    stream_options: { include_usage: true },
    ...routed(target),
  });
  let text = "";
  stream.on("content", (delta) => (text += delta));
  const answer = await stream.finalChatCompletion();
  assert.ok(text.length > 0);
  assert.equal(text, answer.choices[0].message.content);
  assert.equal(answer.choices[0].finish_reason, "stop");
  priced(await stream.totalUsage().then((usage) => ({ ...answer.usage, ...usage })), target);
});

conversation(["tools"], async function chat_tool_loop(client, target) {
  const asked = [];
  const runner = client.chat.completions.runTools({
    stream: true,
    messages: user(askWeather),
    tools: [
      {
        ...weather,
        function: {
          ...declaration,
          parse: JSON.parse,
          function: ({ city }) => {
            asked.push(city);
            return JSON.stringify({ celsius: 21 });
          },
        },
      },
    ],
    ...routed(target),
  });
  const text = await runner.finalContent();
  assert.equal(asked.length, 1);
  assert.match(text, /celsius/, "the tool's result did not arrive");
});

conversation(["schema"], async function chat_schema(client, target) {
  const answer = await client.chat.completions.parse({
    messages: user("Invent a person."),
    response_format: zodResponseFormat(Person, "person"),
    ...routed(target),
  });
  Person.parse(answer.choices[0].message.parsed);
});

conversation(["images"], async function chat_image(client, target) {
  const content = [
    { type: "text", text: "What is this?" },
    { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } },
  ];
  const answer = await client.chat.completions.create({ messages: user(content), ...routed(target) });
  assert.match(answer.choices[0].message.content, /looked at the image/, "the image did not arrive");
});

conversation([], async function completion(client, target) {
  const answer = await client.completions.create({ prompt: "Say hello.", ...routed(target) });
  assert.equal(answer.object, "text_completion");
  assert.ok(answer.choices[0].text);
  priced(answer.usage, target);
});

conversation([], async function response(client, target) {
  const answer = await client.responses.create({ input: "Say hello.", ...routed(target) });
  assert.equal(answer.status, "completed");
  assert.match(answer.output_text, /hello/);
  priced(answer.usage, target);
});

conversation([], async function response_stream(client, target) {
  const stream = client.responses.stream({ input: "Count to five.", ...routed(target) });
  const kinds = [];
  let text = "";
  for await (const event of stream) {
    kinds.push(event.type);
    if (event.type === "response.output_text.delta") text += event.delta;
  }
  const answer = await stream.finalResponse();
  assert.equal(kinds[0], "response.created");
  assert.equal(kinds.at(-1), "response.completed");
  assert.ok(text.length > 0);
  assert.equal(text, answer.output_text);
});

conversation(["tools"], async function response_tools(client, target) {
  const input = user(askWeather);
  const options = { tools: [weatherToo], store: false, ...routed(target) };
  const answer = await client.responses.create({ input, ...options });
  const call = answer.output.find((item) => item.type === "function_call");
  assert.ok(JSON.parse(call.arguments).city);
  const output = JSON.stringify({ celsius: 21 });
  input.push(...answer.output, { type: "function_call_output", call_id: call.call_id, output });
  const rest = await client.responses.create({ input, ...options });
  assert.match(rest.output_text, /celsius/, "the tool's result did not arrive");
});

conversation(["schema"], async function response_schema(client, target) {
  const answer = await client.responses.parse({
    input: "Invent a person.",
    text: { format: zodTextFormat(Person, "person") },
    ...routed(target),
  });
  Person.parse(answer.output_parsed);
});

conversation([], async function errors(client, target) {
  const ask = (prompt) => client.chat.completions.create({ messages: user(prompt), ...routed(target) });
  const limited = await refuses(OpenAI.RateLimitError, () => ask("hello [[sim: status=429 retry_after=7]]"));
  const expected = target.can.includes("retry-after") ? "7" : null;
  assert.equal(limited.headers.get("retry-after"), expected);
  assert.equal(limited.error.metadata.error_type, "rate_limit_exceeded");
  await refuses(OpenAI.InternalServerError, () => ask("hello [[sim: status=500]]"));
});

once(async function refusals(client) {
  const model = "openai/gpt-4o";
  const messages = user("hello");
  const ask = (body, options) => client.chat.completions.create({ model, messages, ...body }, options);
  await refuses(OpenAI.BadRequestError, () => ask({ model: "nobody/nothing" }));
  await refuses(OpenAI.BadRequestError, () => ask({ messages: [] }));
  await refuses(OpenAI.NotFoundError, () => ask({ provider: { only: ["no-such-provider"] } }));
  const headers = { Authorization: "Bearer sk-pb-v1-wrong" };
  await refuses(OpenAI.AuthenticationError, () => ask({}, { headers }));
});

once(async function models(client) {
  const ids = new Set();
  for await (const model of client.models.list()) ids.add(model.id);
  assert.ok(ids.size > 290 && ids.has("openai/gpt-4o"));
});

once(async function embeddings(client) {
  const model = "openai/text-embedding-3-small";
  const answer = await client.embeddings.create({ model, input: ["one", "two", "three"] });
  assert.deepEqual(
    answer.data.map((row) => row.index),
    [0, 1, 2],
  );
  const alone = await client.embeddings.create({ model, input: "two", encoding_format: "float" });
  const close = answer.data[1].embedding.every((x, at) => Math.abs(x - alone.data[0].embedding[at]) < 1e-5);
  assert.ok(close, "the second vector is not that of the second text");
});

once(async function images(client) {
  const answer = await client.images.generate({ model: "openai/gpt-image-1", prompt: "A red ball" });
  assert.ok(Buffer.from(answer.data[0].b64_json, "base64").length > 50);
  const image = await toFile(Buffer.from(PNG, "base64"), "ball.png", { type: "image/png" });
  const edited = await client.images.edit({ model: "openai/gpt-image-1", prompt: "Make it blue", image });
  assert.ok(Buffer.from(edited.data[0].b64_json, "base64").length > 50);
});

once(async function images_stream(client) {
  const stream = await client.images.generate({
    model: "openai/gpt-image-1",
    prompt: "A red ball",
    stream: true,
    partial_images: 2,
  });
  const kinds = [];
  for await (const event of stream) kinds.push(event.type);
  assert.equal(kinds.at(-1), "image_generation.completed");
});

once(async function speech(client) {
  const answer = await client.audio.speech.create({
    model: "openai/gpt-4o-mini-tts",
    voice: "alloy",
    input: "Hello there.",
  });
  assert.ok((await answer.arrayBuffer()).byteLength > 1000);
});

once(async function transcription(client) {
  const file = await toFile(silence(), "silence.wav", { type: "audio/wav" });
  const answer = await client.audio.transcriptions.create({ model: "openai/whisper-1", file });
  assert.ok(answer.text);
});

await main(
  ({ api_base, api_key }) =>
    new OpenAI({ baseURL: api_base, apiKey: api_key, maxRetries: 0, timeout: 60_000 }),
);
