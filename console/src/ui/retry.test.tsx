// @vitest-environment happy-dom
// What could not be read is read when it is asked for again.

import { test } from "vitest";

import { type Answers, openConsole, press, refusal, sees } from "~/testing";

const AT = "2026-11-26T12:00:00Z";
const WORKSPACES = ["default", "lab"].map((slug) => ({ id: slug, slug, name: slug, updated_at: AT }));
const MEMBER = { id: "u", email: "ada@example.com", organization_role: "owner" };

/** Refuses a question until it is let answer. */
function failing(name: string, then: unknown): { answers: Answers; mend: () => void } {
  let isMended = false;
  const answers = { [name]: () => (isMended ? then : refusal(429, "Too many requests.")) };
  return { answers, mend: () => (isMended = true) };
}

test("a card of a page is asked for again", async () => {
  const { answers, mend } = failing("GET /api/v1/credits/auto-topup", {
    data: { enabled: false, threshold: 5, amount: 25, card: null, flagged: false },
  });
  const page = openConsole(answers);
  await page.open("/credits");
  await sees("Too many requests.");
  mend();
  await press("Try again");
  await sees("Needs a card");
});

test("of several questions the one that failed is asked again", async () => {
  const { answers, mend } = failing("GET /api/v1/workspaces/lab/members", { data: [], total_count: 0 });
  const page = openConsole({
    "GET /api/v1/workspaces": { data: WORKSPACES, total_count: 2 },
    "GET /api/v1/organization/members": { data: [MEMBER], total_count: 1 },
    ...answers,
  });
  await page.open("/workspaces/lab");
  await sees("Too many requests.");
  mend();
  await press("Try again");
  await sees("ada@example.com");
});
