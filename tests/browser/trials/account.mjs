// What a developer does: sign in, a key with a limit, a first call, what it cost.

import { ok } from "node:assert/strict";

import { settled } from "../browser.mjs";

const SMALL = { model: "openai/gpt-4o-mini", max_tokens: 40, messages: [{ role: "user", content: "Say hello." }] };
const MOST_CALLS = 60;

export const account = {
  async "a wrong password is refused and the right one leads to the page that was asked for"({ site, dev, fresh }) {
    const { page, said } = await fresh();
    await page.goto(`${site}/keys`);
    await page.waitForURL(/\/sign-in\?next=/);
    await page.getByLabel("E-mail").fill(dev.admin_email);
    await page.getByLabel("Password").fill("not the password");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("alert").waitFor();
    said.length = 0; // The refusal is on the console of the browser, too.
    await page.getByLabel("Password").fill(dev.admin_password);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.waitForURL(`${site}/keys`);
    await settled(page);
    await page.getByRole("button", { name: /^Account, organisation and theme/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.waitForURL(/\/sign-in/);
  },

  async "a key with a limit calls models until the limit bites"({ site, api, page, unique }) {
    const name = unique("Limited");
    const secret = await makeKey(page, site, name, "0.0002");
    const first = await api.ask(SMALL, secret);
    ok(first.status === 200, `the first call: ${JSON.stringify(first)}`);
    await page.goto(`${site}/activity?range=1h`);
    const generations = page.getByRole("table", { name: "Generations" });
    await generations.locator(`a[href="/generations/${first.body.id}"]`).click({ trial: true });
    await page.goto(`${site}/generations/${first.body.id}`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.getByText("openai/gpt-4o-mini").first().waitFor();
    let last = first;
    for (let call = 1; call < MOST_CALLS && last.status === 200; call += 1) last = await api.ask(SMALL, secret);
    ok(last.status === 402, `the limit should have bitten: ${JSON.stringify(last)}`);
    // The same in the playground, where it is told in the API's words.
    await page.goto(`${site}/playground?models=openai%2Fgpt-4o-mini`);
    await useKey(page, secret);
    const refusal = page.locator("[role=alert] *").filter({ hasText: /limit/i }).first();
    const answers = page.getByRole("link", { name: "Generation" });
    // What the calls before had reserved and not used is there again: it may be enough for some more.
    for (let call = 0; call < MOST_CALLS && !(await refusal.isVisible()); call += 1) {
      await askInPlayground(page, "Hello!");
      await refusal.or(answers.nth(call)).first().waitFor();
    }
    await refusal.waitFor();
    await page.goto(`${site}/keys`);
    const row = page.getByRole("row").filter({ hasText: name });
    await row.getByText(/of \$0\.0002/).waitFor();
  },

  async "tabs that are open use one key in the playground"({ site, page }) {
    const prompt = (tab) => tab.getByRole("textbox", { name: "Prompt", exact: true });
    const make = (tab) => tab.getByRole("button", { name: /^Make a key/ });
    const keys = () =>
      page.evaluate(async () => (await (await fetch("/api/v1/keys")).json()).data.map((key) => key.hash));
    await page.goto(`${site}/playground`);
    await make(page).click();
    await prompt(page).waitFor();
    const before = await keys();
    const other = await page.context().newPage();
    await other.goto(`${site}/playground`);
    await prompt(other).waitFor();
    // Another one takes its place, and the other tab goes on with that.
    await page.getByRole("button", { name: "Forget the key" }).click();
    const [deleted] = await Promise.all([
      page.waitForResponse((answer) => answer.request().method() === "DELETE" && answer.ok()),
      make(page).click(),
    ]);
    const former = new URL(deleted.url()).pathname.split("/").at(-1);
    const after = await keys();
    ok(before.includes(former) && !after.includes(former), `${former} should be gone: ${after.join(", ")}`);
    await other.reload();
    await prompt(other).waitFor();
  },

  async "two models answer side by side, and one of them after a failover"({ site, page, dev }) {
    await page.goto(`${site}/playground?models=openai%2Fgpt-4o,openai%2Fgpt-4o-mini`);
    await useKey(page, dev.api_key);
    await page.locator("summary", { hasText: "Settings" }).click();
    await page.getByLabel("Longest answer (tokens)").fill("200");
    await page.getByLabel("Provider preferences").fill('{"order": ["openai"]}');
    await askInPlayground(page, "Hello! [[sim: status=500 provider=openai]]");
    for (const model of ["openai/gpt-4o", "openai/gpt-4o-mini"]) {
      const lane = page.getByRole("region", { name: model, exact: true });
      await lane.getByRole("link", { name: "Generation" }).waitFor();
      await lane.getByText(/failed over/).click();
      await lane.getByRole("listitem").filter({ hasText: "500" }).first().waitFor();
      await lane.getByRole("listitem").filter({ hasText: "200" }).first().waitFor();
      await lane.getByText(/^\$/).first().waitFor();
    }
  },

  async "a guardrail that is assigned to a key blocks another model"({ site, api, page, unique }) {
    const key = unique("Guarded");
    const secret = await makeKey(page, site, key, "1");
    await page.goto(`${site}/guardrails`);
    await settled(page);
    await page.getByRole("button", { name: "New guardrail" }).first().click();
    const dialog = page.locator(".dialog");
    const name = unique("One model");
    await dialog.getByLabel("Name", { exact: true }).fill(name);
    await dialog.getByLabel("Only these models").fill("openai/gpt-4o-mini");
    await dialog.getByRole("button", { name: "Create" }).click();
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("link", { name, exact: true }).click();
    await page.getByLabel(new RegExp(`^${key}`)).click();
    await page.waitForFunction(
      (label) =>
        [...document.querySelectorAll("label.check")].some(
          (one) => one.textContent.startsWith(label) && one.querySelector("input").checked,
        ),
      key,
    );
    const blocked = () => api.ask({ ...SMALL, model: "openai/gpt-4o" }, secret);
    let answer = await blocked();
    // Every edge knows within a second: what is asked before is answered.
    for (let asked = 0; asked < MOST_CALLS && answer.status === 200; asked += 1) answer = await blocked();
    ok(answer.status === 403, `the guardrail should have blocked it: ${JSON.stringify(answer)}`);
    const allowed = await api.ask(SMALL, secret);
    ok(allowed.status === 200, `the allowed model: ${JSON.stringify(allowed)}`);
  },
};

/** Makes a key in the console; returns its secret, which is shown once. */
async function makeKey(page, site, name, limit) {
  await page.goto(`${site}/keys`);
  await settled(page);
  await page.getByRole("button", { name: "New key" }).first().click();
  const dialog = page.locator(".dialog");
  await dialog.getByLabel("Name", { exact: true }).fill(name);
  await dialog.getByLabel("Spend at most (USD)").fill(limit);
  await dialog.getByRole("button", { name: "Create the key" }).click();
  const secret = (await page.getByLabel("The secret of the key").innerText()).trim();
  await page.locator(".dialog").getByRole("button", { name: "Close" }).click();
  await page.getByRole("link", { name, exact: true }).waitFor();
  return secret;
}

async function useKey(page, secret) {
  const prompt = page.getByRole("textbox", { name: "Prompt", exact: true });
  const field = page.getByLabel("Or use a key that you have");
  await prompt.or(field).first().waitFor();
  if (await prompt.isVisible()) await page.getByRole("button", { name: "Forget the key" }).click();
  await field.fill(secret);
  await page.getByRole("button", { name: "Use it" }).click();
  await prompt.waitFor();
}

async function askInPlayground(page, text) {
  const prompt = page.getByRole("textbox", { name: "Prompt", exact: true });
  await prompt.fill(text);
  await prompt.press("Enter");
}
