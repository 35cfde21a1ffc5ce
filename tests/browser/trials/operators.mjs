// What an operator does: a price, a period, an invoice.

import { equal, ok } from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { settled } from "../browser.mjs";

export const operators = {
  async "a price that an operator sets is what the catalogue lists"({ site, page }) {
    await page.goto(`${site}/operator/prices`);
    await settled(page);
    await page.getByLabel("Search prices").fill("mistral-nemo");
    await page
      .getByRole("button", { name: /^New price for .*mistralai\/mistral-nemo$/ })
      .first()
      .click();
    const dialog = page.locator(".dialog");
    const rate = dialog.getByLabel(/input/i).and(page.locator("input")).first();
    await rate.fill("12.3");
    await dialog.getByRole("button", { name: "Preview the effect" }).click();
    const set = dialog.getByRole("button", { name: "Set the price" });
    await set.waitFor();
    const forced = dialog.getByLabel(/It is meant like this/);
    if (await forced.isVisible()) await forced.check();
    await set.click();
    await dialog.waitFor({ state: "detached" });
    await page.goto(`${site}/model/mistralai/mistral-nemo`);
    await page.getByText("$12.30").first().waitFor();
  },

  async "a tenant is found by typing"({ site, page, api, unique }) {
    const name = unique("Sought");
    const slug = name.toLowerCase().replace(" ", "-");
    await api.operate("POST", "/tenants", { name, slug });
    await page.goto(`${site}/operator/tenants`);
    await settled(page);
    await page.getByLabel("Search tenants").fill(slug);
    await page.getByRole("row").filter({ hasText: slug }).getByText("prepaid").waitFor();
    ok(page.url().includes(slug), page.url());
    await page.goto(`${site}/operator/invoices`);
    const picker = page.getByRole("combobox", { name: "Tenant", exact: true });
    await picker.pressSequentially(slug);
    await page.getByRole("option", { name }).waitFor();
    await picker.press("Enter");
    await page.waitForURL(/tenant=/);
    equal(await picker.inputValue(), name);
    await page.getByRole("button", { name: "Choose no tenant" }).click();
    await page.waitForURL((url) => !url.search.includes("tenant"));
  },

  async "a period is closed, its statement issued and downloaded as PDF"({ site, api, page, dev }) {
    await api.ask({ model: "openai/gpt-4o-mini", max_tokens: 20, messages: [{ role: "user", content: "Hello!" }] });
    await page.goto(`${site}/operator/periods`);
    await settled(page);
    await page.getByRole("button", { name: "Close…" }).click();
    const dialog = page.locator(".dialog");
    const title = await dialog.getByRole("heading").innerText();
    const period = /period (\S+)\?/.exec(title)?.[1];
    ok(period !== undefined, title);
    await dialog.getByRole("button", { name: "Close the period" }).click();
    await dialog.waitFor({ state: "detached" });
    const draft = await api.until(`the draft of period ${period}`, async () => {
      const { data } = await api.operate("GET", `/invoices?period_id=${period}`);
      const { data: tenants } = await api.operate("GET", "/tenants");
      const demo = tenants.find((tenant) => tenant.slug === "demo") ?? tenants[0];
      return data.find((invoice) => invoice.tenant_id === demo.id);
    });
    await page.goto(`${site}/operator/invoices/${draft.id}`);
    await settled(page);
    const issue = page.getByRole("button", { name: "Issue now" });
    const number = page.getByRole("heading", { level: 1 }).filter({ hasNotText: /Draft|^Invoice$/ });
    await issue.or(number).first().waitFor();
    if (await issue.isVisible()) {
      await issue.click();
      await page
        .locator(".dialog")
        .getByRole("button", { name: /^Issue the/ })
        .click();
      await page.locator(".dialog").waitFor({ state: "detached" });
    }
    await number.waitFor();
    // As the tenant sees it.
    await page.goto(`${site}/invoices`);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page
        .getByRole("link", { name: / as PDF$/ })
        .first()
        .click(),
    ]);
    const bytes = await readFile(await download.path());
    equal(bytes.subarray(0, 5).toString(), "%PDF-");
    ok(dev);
  },
};
