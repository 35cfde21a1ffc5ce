// What the official Anthropic client must be able to do, whatever model answers.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { WEATHER_SCHEMA, conversation, main, once, refuses, routing } from "./checks.mjs";

const weather = { name: "get_weather", description: "The weather in a city", input_schema: WEATHER_SCHEMA };
const askWeather = "What is the weather in Paris? Call get_weather.";

const user = (content) => [{ role: "user", content }];
const routed = (target) => ({ model: target.model, max_tokens: 2048, provider: routing(target) });
const textOf = (message) => message.content.map((block) => block.text ?? "").join("");

conversation([], async function message(client, target) {
  const answer = await client.messages.create({ messages: user("Say hello."), ...routed(target) });
  assert.match(textOf(answer), /hello/);
  assert.equal(answer.stop_reason, "end_turn");
  assert.ok(answer.usage.cost > 0, JSON.stringify(answer.usage));
});

conversation([], async function message_stream(client, target) {
  const stream = client.messages.stream({ messages: user("Count to five."), ...routed(target) });
  let text = "";
  stream.on("text", (delta) => (text += delta));
  const answer = await stream.finalMessage();
  assert.ok(text.length > 0);
  assert.equal(text, textOf(answer));
  assert.equal(answer.stop_reason, "end_turn");
  assert.ok(answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0);
});

conversation(["tools"], async function message_tool_runner(client, target) {
  const asked = [];
  const tool = {
    ...weather,
    run: ({ city }) => {
      asked.push(city);
      return JSON.stringify({ celsius: 21 });
    },
  };
  const answer = await client.beta.messages.toolRunner({
    messages: user(askWeather),
    tools: [tool],
    ...routed(target),
  });
  assert.equal(asked.length, 1);
  assert.match(textOf(answer), /celsius/, "the tool's result did not arrive");
});

conversation(["reasoning", "tools"], async function message_thinking_stream_replay(client, target) {
  const messages = user(askWeather);
  const options = {
    tools: [weather],
    thinking: { type: "enabled", budget_tokens: 1024 },
    ...routed(target),
  };
  const answer = await client.messages.stream({ messages, ...options }).finalMessage();
  assert.match(answer.content[0].type, /thinking/, JSON.stringify(answer.content));
  const call = answer.content.find((block) => block.type === "tool_use");
  const result = { type: "tool_result", tool_use_id: call.id, content: JSON.stringify({ celsius: 21 }) };
  messages.push({ role: "assistant", content: answer.content }, { role: "user", content: [result] });
  const rest = await client.messages.stream({ messages, ...options }).finalMessage();
  assert.match(textOf(rest), /celsius/, "the tool's result did not arrive");
});

conversation([], async function errors(client, target) {
  const ask = (prompt) => client.messages.create({ messages: user(prompt), ...routed(target) });
  const limited = await refuses(Anthropic.RateLimitError, () => ask("hello [[sim: status=429]]"));
  assert.equal(limited.error.error.type, "rate_limit_error");
  await refuses(Anthropic.InternalServerError, () => ask("hello [[sim: status=500]]"));
});

once(async function refusals(client) {
  const body = { model: "nobody/nothing", max_tokens: 9, messages: user("hello") };
  await refuses(Anthropic.BadRequestError, () => client.messages.create(body));
  const stranger = client.withOptions({ apiKey: "sk-pb-v1-wrong" });
  await refuses(Anthropic.AuthenticationError, () =>
    stranger.messages.create({ ...body, model: "openai/gpt-4o" }),
  );
});

await main(
  ({ anthropic_base, api_key }) =>
    new Anthropic({ baseURL: anthropic_base, apiKey: api_key, maxRetries: 0, timeout: 60_000 }),
);
