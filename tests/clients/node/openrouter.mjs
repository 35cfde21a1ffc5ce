// Drives OpenRouter's own client, whose validators are the strictest, against a running platform.
// Usage: openrouter.mjs BASE_URL API_KEY MANAGEMENT_KEY MODEL   Exits 0 when every check passes.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { OpenRouter } from "@openrouter/sdk";

const [serverURL, apiKey, managementKey, model] = process.argv.slice(2);
const retryConfig = { strategy: "none" };
const client = new OpenRouter({ serverURL, apiKey, retryConfig });
const manager = new OpenRouter({ serverURL, apiKey: managementKey, retryConfig });

const messages = [{ role: "user", content: "Say hello." }];

const answer = await client.chat.send({ chatRequest: { model, messages, stream: false } });
assert.ok(answer.choices[0].message.content);
assert.equal(answer.choices[0].finishReason, "stop");
assert.ok(answer.usage.cost > 0);

let text = "";
let usage;
for await (const chunk of await client.chat.send({ chatRequest: { model, messages, stream: true } })) {
  text += chunk.choices[0]?.delta.content ?? "";
  usage = chunk.usage ?? usage;
}
assert.ok(text.length > 0);
assert.ok(usage.cost > 0);

const { result: models } = await client.models.list();
assert.ok(models.data.length > 290);

const key = await client.apiKeys.getCurrentKeyMetadata();
assert.equal(key.data.isManagementKey, false);

const credits = await manager.credits.getCredits();
assert.ok(credits.data.totalCredits > 0);

// Accounts settle within seconds of the answer.
let generation;
for (let tries = 0; !generation; tries += 1) {
  try {
    generation = await client.generations.getGeneration({ id: answer.id });
  } catch (error) {
    if (tries === 60 || error.statusCode !== 404) throw error;
    await sleep(250);
  }
}
assert.equal(generation.data.id, answer.id);
assert.equal(generation.data.totalCost, answer.usage.cost);

await assert.rejects(
  client.chat.send({ chatRequest: { model: "nobody/nothing", messages, stream: false } }),
  (error) => error.statusCode === 400,
);
console.log("ok");
