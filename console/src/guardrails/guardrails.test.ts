import { expect, test } from "vitest";

import { type Guardrail, changesOf, formOf, summaryOf } from "./guardrails";

const guardrail: Guardrail = {
  id: "g",
  name: "Careful",
  created_at: "2026-11-26T00:00:00Z",
  include_byok_in_budgets: false,
  limit_usd: 5,
  reset_interval: "daily",
  allowed_models: ["openai/gpt-4o"],
  content_filter_builtins: [{ slug: "email", action: "redact" }],
  enforce_zdr: true,
};

test("a form that nobody touched changes nothing", () => {
  const form = formOf(guardrail);
  const changes = changesOf(form, form);
  expect(changes).toMatchObject({ limit_usd: 5, reset_interval: "daily", allowed_models: ["openai/gpt-4o"] });
  expect(changes).not.toHaveProperty("enforce_zdr");
  expect(changes).not.toHaveProperty("enable_paid_model_training");
});

test("emptying a field takes the rule away", () => {
  const before = formOf(guardrail);
  const changes = changesOf({ ...before, limit: "", allowedModels: " ", builtins: {}, isZdr: false }, before);
  expect(changes).toMatchObject({
    limit_usd: null,
    reset_interval: null,
    allowed_models: null,
    content_filter_builtins: null,
    enforce_zdr: null,
  });
});

test("a budget that is no amount is refused", () => {
  expect(() => changesOf({ ...formOf(null), limit: "much" }, formOf(null))).toThrow("amount in USD");
});

test("rules are summed up", () => {
  expect(summaryOf(guardrail)).toEqual([
    "$5.00 a day each",
    "only 1 model",
    "nothing retained",
    "1 content filter",
  ]);
});
