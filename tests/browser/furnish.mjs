// Gives the demo organisation what a team has after some weeks: keys, workspaces, guardrails, traffic.

import { platform } from "./platform.mjs";

const KEYS = [
  { name: "Support desk", limit: 50, limit_reset: "monthly" },
  { name: "Search ranking", limit: 5, limit_reset: "daily", rate_limit_rpm: 600 },
  { name: "Nightly evaluation", limit: 0.02, limit_reset: "weekly", max_concurrent: 8 },
  { name: "Mobile app", allowed_ips: ["10.20.0.0/16"] },
  { name: "Hackathon", limit: 1, expires_at: "2030-01-31T18:00:00Z" },
];
const QUESTIONS = [
  "Summarise the customer's complaint in two sentences and propose a reply.",
  "Which of these three invoices is overdue, and by how many days?",
  "Translate the release notes into French and keep the headings.",
  "Write a haiku about switchboards.",
  "Explain the difference between a lease and a lock to a new colleague.",
];
const MODELS = [
  "openai/gpt-4o-mini",
  "anthropic/claude-sonnet-4.5",
  "google/gemini-2.5-flash",
  "openai/gpt-4o",
  "deepseek/deepseek-chat",
  "mistralai/mistral-nemo",
];
const ROUNDS = 8;

/** Everything that is asked once; returns the secrets of the keys. */
async function arrange(api) {
  const secrets = [];
  const hashes = [];
  for (const key of KEYS) {
    const made = await api.manage("POST", "/keys", key);
    secrets.push(made.key);
    hashes.push(made.data.hash);
  }
  const workspace = await api.manage("POST", "/workspaces", {
    name: "Research",
    slug: "research",
    description: "Experiments and evaluations, on a budget of their own",
  });
  await api.manage("PUT", `/workspaces/${workspace.data.id}/budgets/monthly`, { limit_usd: 250 });
  await api.manage("PUT", `/workspaces/${workspace.data.id}/budgets/daily`, { limit_usd: 25 });
  await api.manage("POST", "/keys", { name: "Notebook", workspace_id: workspace.data.id });
  const guardrail = await api.manage("POST", "/guardrails", {
    name: "Support",
    description: "What the support desk may use",
    allowed_models: MODELS,
    limit_usd: 20,
    reset_interval: "daily",
  });
  await api.manage("POST", `/guardrails/${guardrail.data.id}/assignments/keys`, { key_hashes: hashes.slice(0, 1) });
  await api.manage("POST", "/guardrails", { name: "No retention", enforce_zdr: true });
  await api.preset("support", {
    model: "openai/gpt-4o-mini",
    temperature: 0.3,
    messages: [{ role: "system", content: "Answer as the support of Acme, friendly and short." }],
  });
  await api.preset("support", {
    model: "anthropic/claude-sonnet-4.5",
    temperature: 0.2,
    max_tokens: 600,
    messages: [
      { role: "system", content: "Answer as the support of Acme, friendly and short. Quote the order number." },
    ],
  });
  await api.preset("translator", {
    models: ["google/gemini-2.5-flash", "mistralai/mistral-nemo"],
    messages: [{ role: "system", content: "Translate, keep the markup." }],
  });
  await api.manage("POST", "/byok", { provider: "openai", key: "sk-demo-0123456789abcdef", is_fallback: true });
  await api.manage("POST", "/byok", { provider: "anthropic", key: "sk-ant-demo-0123456789", disabled: true });
  return secrets;
}

/** Some requests of every kind: answers, a failover, an error. */
async function traffic(api, secrets) {
  for (let round = 0; round < ROUNDS; round += 1) {
    const asked = MODELS.map((model, place) =>
      api.ask(
        {
          model,
          max_tokens: 40 + 30 * place,
          messages: [{ role: "user", content: QUESTIONS[(round + place) % QUESTIONS.length] }],
        },
        secrets[(round + place) % 3],
      ),
    );
    await Promise.all(asked);
  }
  const content = "Hello! [[sim: status=500 provider=openai]]";
  const { body } = await api.ask({
    model: "openai/gpt-4o",
    provider: { order: ["openai"] },
    messages: [{ role: "user", content }],
  });
  await api.until("the generation that failed over", () =>
    api.manage("GET", `/generation?id=${body.id}`).catch(() => undefined),
  );
  await api.ask({
    model: "openai/gpt-4o-mini",
    provider: { only: ["openai"] },
    messages: [{ role: "user", content: "Hello! [[sim: status=429]]" }],
  });
}

export async function furnish(dev) {
  const api = platform(dev);
  const { data } = await api.manage("GET", "/workspaces");
  if (data.some((workspace) => workspace.slug === "research")) return;
  await traffic(api, await arrange(api));
}
