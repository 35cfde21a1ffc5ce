// Drives the official OpenAI client against a running platform.
// Usage: openai.mjs BASE_URL API_KEY MODEL...   Exits 0 when every check passes.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const [baseURL, apiKey, ...wanted] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 60_000 });

const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather in a city",
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    },
  },
};

async function chat(model) {
  const answer = await client.chat.completions.create({
    model,
    messages: [{ role: "user", content: "Say hello." }],
  });
  assert.equal(answer.object, "chat.completion");
  assert.match(answer.id, /^gen-/);
  assert.ok(answer.choices[0].message.content);
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  assert.ok(answer.usage.cost > 0);
}

async function stream(model) {
  const chunks = await client.chat.completions.create({
    model,
    messages: [{ role: "user", content: "Count to five." }],
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let finish = null;
  let usage = null;
  for await (const chunk of chunks) {
    if (chunk.usage) {
      assert.equal(usage, null);
      assert.deepEqual(chunk.choices, []);
      usage = chunk.usage;
    }
    for (const choice of chunk.choices) {
      text += choice.delta.content ?? "";
      finish = choice.finish_reason ?? finish;
    }
  }
  assert.ok(text.length > 0);
  assert.equal(finish, "stop");
  assert.ok(usage.completion_tokens > 0 && usage.cost > 0);
}

async function toolLoop(model) {
  const asked = [];
  const runner = client.chat.completions.runTools({
    model,
    stream: true,
    messages: [{ role: "user", content: "What is the weather in Paris? Call get_weather." }],
    tools: [
      {
        ...weather,
        function: {
          ...weather.function,
          parse: JSON.parse,
          function: ({ city }) => {
            asked.push(city);
            return JSON.stringify({ celsius: 21 });
          },
        },
      },
    ],
  });
  const text = await runner.finalContent();
  assert.equal(asked.length, 1);
  assert.equal(typeof asked[0], "string");
  assert.ok(text);
}

async function structured(model) {
  const Person = z.object({ name: z.string(), age: z.number().int() });
  const answer = await client.chat.completions.parse({
    model,
    messages: [{ role: "user", content: "Invent a person." }],
    response_format: zodResponseFormat(Person, "person"),
  });
  Person.parse(answer.choices[0].message.parsed);
}

async function errors(model) {
  const messages = [{ role: "user", content: "hello" }];
  const expect = async (kind, body, options) => {
    await assert.rejects(client.chat.completions.create(body, options), (error) => {
      assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
      assert.ok(error.error?.message);
      return true;
    });
  };
  await expect(OpenAI.BadRequestError, { model: "nobody/nothing", messages });
  await expect(OpenAI.BadRequestError, { model, messages: [] });
  await expect(OpenAI.NotFoundError, { model, messages, provider: { only: ["no-such-provider"] } });
  await expect(
    OpenAI.AuthenticationError,
    { model, messages },
    { headers: { Authorization: "Bearer sk-pb-v1-wrong" } },
  );
}

async function list() {
  const ids = new Set();
  for await (const model of client.models.list()) ids.add(model.id);
  assert.ok(ids.size > 290);
  for (const model of wanted) assert.ok(ids.has(model), `${model} is not listed`);
}

await list();
for (const model of wanted) {
  for (const check of [chat, stream, toolLoop, structured, errors]) {
    try {
      await check(model);
    } catch (error) {
      console.error(`FAILED ${check.name} on ${model}`);
      throw error;
    }
    console.log(`ok ${check.name} on ${model}`);
  }
}
