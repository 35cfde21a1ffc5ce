// What OpenRouter's own client must be able to administer: each resource through its whole life.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { HTTPClient, OpenRouter } from "@openrouter/sdk";
import { fetchPatiently, main, once } from "./checks.mjs";

const unique = (prefix) => `${prefix}-${randomUUID().replaceAll("-", "")}`;

async function fails(status, call) {
  await assert.rejects(call, (error) => {
    assert.equal(error.statusCode, status, `${error.constructor.name}: ${error.message}`);
    return true;
  });
}

/// What is deleted, or was never there, is not found.
const missing = (call) => fails(404, call);

/// All rows of a list, page by page, as the client itself goes on.
async function pages(first) {
  const rows = [];
  for await (const { result } of await first) rows.push(...result.data);
  return rows;
}

/// The rows of a list come one by one as they come together; the `wanted` ids are among them.
async function listed(list, wanted, request = {}) {
  const ids = async (limit) => (await pages(list({ ...request, limit }))).map(({ id }) => id);
  const together = await ids(100);
  assert.deepEqual(await ids(1), together);
  for (const id of wanted) assert.ok(together.includes(id), `${id} is not in ${together}`);
}

async function workspace(manager, name) {
  const createWorkspaceRequest = { name, slug: unique(name) };
  return (await manager.workspaces.create({ createWorkspaceRequest })).data;
}

once(async function keys({ manager, connect }) {
  const api = manager.apiKeys;
  // A workspace of its own, so that nobody else's keys come between two pages.
  const { id: workspaceId } = await workspace(manager, "keys");
  const made = [];
  for (const name of ["one", "two", "three"]) {
    made.push(await api.create({ requestBody: { name, limit: 5, limitReset: "monthly", workspaceId } }));
  }
  const hashes = made.map(({ data }) => data.hash);
  assert.equal((await connect(made[0].key).apiKeys.getCurrentKeyMetadata()).data.limit, 5);

  const list = async (request) => (await api.list({ workspaceId, ...request })).data.map(({ hash }) => hash);
  const found = await list();
  assert.deepEqual(found.toSorted(), hashes.toSorted());
  assert.deepEqual(await list({ offset: 1 }), found.slice(1));

  const requestBody = { name: "Renamed", limit: null, disabled: true };
  const { data: changed } = await api.update({ hash: hashes[0], requestBody });
  assert.deepEqual([changed.name, changed.limit, changed.disabled], ["Renamed", null, true]);
  assert.equal((await api.get({ hash: hashes[0] })).data.name, "Renamed");
  assert.ok(!(await list()).includes(hashes[0]), "a disabled key is listed unasked");
  assert.ok((await list({ includeDisabled: true })).includes(hashes[0]));

  for (const hash of hashes) {
    await api.delete({ hash });
    await missing(() => api.get({ hash }));
    await missing(() => api.update({ hash, requestBody: { name: "Gone" } }));
    await missing(() => api.delete({ hash }));
  }
  await fails(401, () => connect(made[1].key).apiKeys.getCurrentKeyMetadata());
});

once(async function guardrails({ manager, member }) {
  const api = manager.guardrails;
  const { id: workspaceId } = await workspace(manager, "guardrails");
  const made = [];
  for (const name of ["one", "two", "three"]) {
    const rules = { limitUsd: 5, resetInterval: "daily", allowedModels: ["openai/gpt-4o"] };
    made.push((await api.create({ createGuardrailRequest: { name, workspaceId, ...rules } })).data);
  }
  await listed(
    (request) => api.list(request),
    made.map(({ id }) => id),
    { workspaceId },
  );
  const { id } = made[0];
  const updateGuardrailRequest = { name: "Renamed", limitUsd: 7, allowedModels: null };
  const { data: changed } = await api.update({ id, updateGuardrailRequest });
  assert.deepEqual([changed.name, changed.limitUsd, changed.allowedModels], ["Renamed", 7, null]);
  assert.equal((await api.get({ id })).data.name, "Renamed");

  const keyHashes = [];
  for (const name of ["one", "two"]) {
    keyHashes.push((await manager.apiKeys.create({ requestBody: { name } })).data.hash);
  }
  const assigned = await api.bulkAssignKeys({ id, bulkAssignKeysRequest: { keyHashes } });
  assert.equal(assigned.assignedCount, 2);
  const guarded = async () => (await pages(api.listGuardrailKeyAssignments({ id, limit: 1 }))).map((row) => row.keyHash);
  assert.deepEqual((await guarded()).toSorted(), keyHashes.toSorted());
  const everywhere = await pages(api.listKeyAssignments({ limit: 100 }));
  assert.equal(everywhere.filter(({ guardrailId }) => guardrailId === id).length, 2);
  await api.bulkUnassignKeys({ id, bulkUnassignKeysRequest: { keyHashes: keyHashes.slice(0, 1) } });
  assert.deepEqual(await guarded(), keyHashes.slice(1));
  await missing(() => api.bulkAssignKeys({ id, bulkAssignKeysRequest: { keyHashes: ["0".repeat(64)] } }));

  const memberUserIds = [member];
  await api.bulkAssignMembers({ id, bulkAssignMembersRequest: { memberUserIds } });
  const people = async () => (await pages(api.listGuardrailMemberAssignments({ id }))).map(({ userId }) => userId);
  assert.deepEqual(await people(), memberUserIds);
  const all = await pages(api.listMemberAssignments({ limit: 100 }));
  assert.ok(all.some(({ guardrailId, userId }) => guardrailId === id && userId === member));
  await api.bulkUnassignMembers({ id, bulkUnassignMembersRequest: { memberUserIds } });
  assert.deepEqual(await people(), []);

  for (const { id } of made) {
    await api.delete({ id });
    await missing(() => api.get({ id }));
    await missing(() => api.update({ id, updateGuardrailRequest: { name: "Gone" } }));
    await missing(() => api.delete({ id }));
  }
  await missing(() => api.listGuardrailKeyAssignments({ id }));
});

once(async function workspaces({ manager, member }) {
  const api = manager.workspaces;
  const made = [];
  for (const name of ["one", "two", "three"]) made.push(await workspace(manager, name));
  const ids = (await pages(api.list({ limit: 1 }))).map(({ id }) => id);
  // Others may make some meanwhile.
  assert.ok(made.every(({ id }) => ids.includes(id)));
  const { id, slug } = made[0];
  const updateWorkspaceRequest = { name: "Renamed", description: "For tests", defaultProviderSort: "price" };
  const { data: changed } = await api.update({ id, updateWorkspaceRequest });
  assert.deepEqual([changed.name, changed.description], ["Renamed", "For tests"]);
  assert.equal((await api.get({ id: slug })).data.id, id);

  const userIds = [member];
  const added = await api.bulkAddMembers({ id, bulkAddWorkspaceMembersRequest: { userIds } });
  assert.equal(added.addedCount, 1);
  const people = async () => (await pages(api.listMembers({ id, limit: 1 }))).map(({ userId }) => userId);
  assert.deepEqual(await people(), userIds);
  await api.bulkRemoveMembers({ id, bulkRemoveWorkspaceMembersRequest: { userIds } });
  assert.deepEqual(await people(), []);

  for (const { id } of made) {
    await api.delete({ id });
    await missing(() => api.get({ id }));
    await missing(() => api.update({ id, updateWorkspaceRequest: { name: "Gone" } }));
    await missing(() => api.delete({ id }));
  }
  await missing(() => api.listMembers({ id }));
});

once(async function budgets({ manager }) {
  const api = manager.workspaces;
  const { id: workspaceRef } = await workspace(manager, "budgets");
  const set = async (interval, limitUsd) =>
    (await api.setBudget({ workspaceRef, interval, upsertWorkspaceBudgetRequest: { limitUsd } })).data;
  assert.equal((await set("daily", 2)).limitUsd, 2);
  assert.equal((await set("monthly", 20)).resetInterval, "monthly");
  assert.equal((await set("daily", 3)).limitUsd, 3);
  assert.equal((await api.getBudget({ workspaceRef, interval: "daily" })).data.limitUsd, 3);
  assert.equal((await api.listBudgets({ workspaceRef })).data.length, 2);
  await api.deleteBudget({ workspaceRef, interval: "daily" });
  await missing(() => api.getBudget({ workspaceRef, interval: "daily" }));
  assert.equal((await api.listBudgets({ workspaceRef })).data.length, 1);
  await api.delete({ id: workspaceRef });
  await missing(() => api.listBudgets({ workspaceRef }));
});

once(async function byok({ manager }) {
  const api = manager.byok;
  const { id: workspaceId } = await workspace(manager, "byok");
  const key = "sk-0123456789-of-our-own";
  const made = [];
  for (const provider of ["openai", "openai", "anthropic"]) {
    const createBYOKKeyRequest = { key, provider, name: "Own", workspaceId };
    made.push((await api.create({ createBYOKKeyRequest })).data);
  }
  assert.ok(!JSON.stringify(made).includes(key), "a credential is shown");
  const ids = made.map(({ id }) => id);
  await listed((request) => api.list(request), ids, { workspaceId });
  await listed((request) => api.list(request), ids.slice(0, 2), { workspaceId, provider: "openai" });
  const [id] = ids;
  const updateBYOKKeyRequest = { name: "Renamed", isFallback: true, allowedModels: ["openai/gpt-4o"] };
  const { data: changed } = await api.update({ id, updateBYOKKeyRequest });
  assert.deepEqual(
    [changed.name, changed.isFallback, changed.allowedModels],
    ["Renamed", true, ["openai/gpt-4o"]],
  );
  await api.update({ id, updateBYOKKeyRequest: { disabled: true } });
  assert.equal((await api.get({ id })).data.disabled, true);
  for (const id of ids) {
    await api.delete({ id });
    await missing(() => api.get({ id }));
    await missing(() => api.update({ id, updateBYOKKeyRequest: { name: "Gone" } }));
    await missing(() => api.delete({ id }));
  }
});

once(async function presets({ client }) {
  const api = client.presets;
  const slug = unique("preset");
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "hello" },
  ];
  for (const temperature of [0.5, 0.7]) {
    const chatRequest = { model: "openai/gpt-4o", messages, temperature };
    await api.createPresetsChatCompletions({ slug, chatRequest });
  }
  assert.equal((await api.get({ slug })).data.slug, slug);
  const slugs = (await pages(api.list({ limit: 1 }))).map((preset) => preset.slug);
  assert.ok(slugs.includes(slug), `${slugs}`);
  const versions = (await pages(api.listVersions({ slug, limit: 1 }))).map(({ version }) => version);
  assert.deepEqual(versions.toSorted(), [1, 2]);
  assert.equal((await api.getVersion({ slug, version: "1" })).data.version, 1);
  await missing(() => api.getVersion({ slug, version: "3" }));
  await missing(() => api.get({ slug: unique("nothing") }));
});

once(async function organization({ manager, member }) {
  const people = await pages(manager.organization.listMembers({ limit: 1 }));
  assert.ok(people.some(({ id }) => id === member));
});

once(async function strangers({ manager, other, connect, apiKey }) {
  const { data: theirs } = await other.guardrails.create({ createGuardrailRequest: { name: "Theirs" } });
  await missing(() => manager.guardrails.get({ id: theirs.id }));
  await missing(() => manager.guardrails.delete({ id: theirs.id }));
  const { slug } = await workspace(other, "theirs");
  await missing(() => manager.workspaces.get({ id: slug }));
  await fails(401, () => connect("sk-pb-v1-wrong").guardrails.list());
  await assert.rejects(
    () => connect(apiKey).guardrails.list(),
    ({ statusCode }) => statusCode === 401 || statusCode === 403,
  );
});

await main(({ api_base, api_key, management_key, other_management_key, member }) => {
  const connect = (apiKey) =>
    new OpenRouter({
      serverURL: api_base,
      apiKey,
      httpClient: new HTTPClient({ fetcher: fetchPatiently }),
      retryConfig: { strategy: "none" },
      timeoutMs: 60_000,
    });
  return {
    client: connect(api_key),
    manager: connect(management_key),
    other: connect(other_management_key),
    apiKey: api_key,
    member,
    connect,
  };
});
