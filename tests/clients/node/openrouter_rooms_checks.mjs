// What OpenRouter's own client must be able to do with analytics, feedback, logged content, observability
// destinations and sign-in by OAuth.
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { HTTPClient, OpenRouter } from "@openrouter/sdk";
import { fetchPatiently, main, once } from "./checks.mjs";

async function fails(status, call) {
  await assert.rejects(call, (error) => {
    assert.equal(error.statusCode, status, `${error.constructor.name}: ${error.message}`);
    return true;
  });
}
const missing = (call) => fails(404, call);

/// What `call` answers once it is found: accounts settle within seconds of an answer.
async function patiently(call) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await call();
    } catch (error) {
      if (tries === 100 || error.statusCode !== 404) throw error;
      await sleep(250);
    }
  }
}

async function pages(first) {
  const rows = [];
  for await (const { result } of await first) rows.push(...result.data);
  return rows;
}

const ask = (client, content = "Say hello.") =>
  client.chat.send({
    chatRequest: { model: "openai/gpt-4o", messages: [{ role: "user", content }], stream: false },
  });

once(async function analytics({ client, manager }) {
  const { id } = await ask(client);
  await patiently(() => client.generations.getGeneration({ id }));
  const { data: meta } = await manager.analytics.getAnalyticsMeta();
  assert.ok(meta.metrics.length > 0 && meta.dimensions.length > 0);
  const hours = (n) => new Date(Date.now() + n * 3_600_000);
  const timeRange = { start: hours(-48), end: hours(1) };
  const query = (metrics) =>
    manager.analytics.queryAnalytics({ requestBody: { metrics, dimensions: ["model"], timeRange } });
  assert.ok((await query(["request_count"])).data);
  await fails(400, () => query(["no_such_metric"]));
});

once(async function feedback({ client, manager }) {
  const { id } = await ask(client);
  const give = (generationId) =>
    manager.generations.submitFeedback({
      submitGenerationFeedbackRequest: { generationId, category: "incorrect_response", comment: "Only hello." },
    });
  await patiently(() => give(id));
  await missing(() => give(`gen-${randomUUID().replaceAll("-", "")}`));
});

once(async function generation_content({ client, manager, connect }) {
  const { data: home } = await manager.workspaces.create({
    createWorkspaceRequest: {
      name: "Logged",
      slug: `logged-${randomUUID()}`,
      isObservabilityIoLoggingEnabled: true,
    },
  });
  const made = await manager.apiKeys.create({ requestBody: { name: "Logged", workspaceId: home.id } });
  const logged = connect(made.key);
  const { id } = await ask(logged, "Say hello to the log.");
  const { data } = await patiently(() => logged.generations.listGenerationContent({ id }));
  assert.match(data.output.completion, /hello/i);
  const silent = await ask(client);
  await patiently(() => client.generations.getGeneration({ id: silent.id }));
  await missing(() => client.generations.listGenerationContent({ id: silent.id }));
});

once(async function destinations({ manager }) {
  const api = manager.observability;
  const { data: home } = await manager.workspaces.create({
    createWorkspaceRequest: { name: "Observed", slug: `observed-${randomUUID()}` },
  });
  const ids = [];
  for (const name of ["one", "two", "three"]) {
    const { data } = await api.create({
      createObservabilityDestinationRequest: {
        name,
        type: "webhook",
        config: { url: "https://hooks.example.com/patchbay" },
        workspaceId: home.id,
        samplingRate: 0.5,
        // One that is in force is asked whether it is there.
        enabled: false,
      },
    });
    ids.push(data.id);
  }
  const found = await pages(api.list({ workspaceId: home.id, limit: 1 }));
  assert.deepEqual(found.map((row) => row.id).toSorted(), ids.toSorted());
  const updateObservabilityDestinationRequest = { name: "Renamed", samplingRate: 0.25 };
  await api.update({ id: ids[0], updateObservabilityDestinationRequest });
  const { data: changed } = await api.get({ id: ids[0] });
  assert.deepEqual([changed.name, changed.samplingRate, changed.enabled], ["Renamed", 0.25, false]);
  for (const id of ids) {
    await api.delete({ id });
    await missing(() => api.get({ id }));
    await missing(() => api.update({ id, updateObservabilityDestinationRequest: { name: "Gone" } }));
    await missing(() => api.delete({ id }));
  }
});

once(async function oauth({ client, manager, connect }) {
  const codeVerifier = randomUUID().replaceAll("-", "").repeat(2);
  const codeChallenge = createHash("sha256").update(codeVerifier).digest("base64url");
  const { data } = await manager.oAuth.createAuthCode({
    requestBody: {
      callbackUrl: "https://app.example.com/callback",
      codeChallenge,
      codeChallengeMethod: "S256",
      limit: 5,
    },
  });
  const exchange = (verifier) =>
    client.oAuth.exchangeAuthCodeForAPIKey({
      requestBody: { code: data.id, codeVerifier: verifier, codeChallengeMethod: "S256" },
    });
  await fails(403, () => exchange("x".repeat(64)));
  const { key } = await exchange(codeVerifier);
  assert.equal((await connect(key).apiKeys.getCurrentKeyMetadata()).data.limit, 5);
  await fails(403, () => exchange(codeVerifier));
});

await main(({ api_base, api_key, management_key }) => {
  const connect = (apiKey) =>
    new OpenRouter({
      serverURL: api_base,
      apiKey,
      httpClient: new HTTPClient({ fetcher: fetchPatiently }),
      retryConfig: { strategy: "none" },
      timeoutMs: 60_000,
    });
  return { client: connect(api_key), manager: connect(management_key), connect };
});
