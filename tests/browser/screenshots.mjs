// A picture of every page: `node screenshots.mjs <dev.json> <folder> [<address of the console>] [<part of a name>] [<folder for the README>]`.

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { NARROW, WIDE, launch, open, settled, signIn } from "./browser.mjs";
import { fillDays } from "./day.mjs";
import { furnish } from "./furnish.mjs";
import { SIGN_IN, addresses } from "./pages.mjs";
import { platform } from "./platform.mjs";

const [file, folder, site, part = "", readme = ""] = process.argv.slice(2);
/** Those that the README shows, as a window shows them. */
const IN_README = new Set([
  "activity-wide-light",
  "models-wide-dark",
  "playground-wide-light",
  "operator-overview-wide-dark",
]);
const dev = JSON.parse(readFileSync(file, "utf8"));
const api = platform(dev);
const console_url = (site || dev.console_url).replace(/\/$/, "");
mkdirSync(folder, { recursive: true });
await furnish(dev);
const pages = [["sign-in", SIGN_IN], ...(await addresses(dev))].filter(([name]) => name.includes(part));

/** Asks both models something, one of them at a provider that fails. */
async function play(page) {
  const makeKey = page.getByRole("button", { name: /^Make a key/ });
  const prompt = page.getByRole("textbox", { name: "Prompt", exact: true });
  await makeKey.or(prompt).first().waitFor();
  if (await makeKey.isVisible()) await makeKey.click();
  const settings = page.locator("summary", { hasText: "Settings" });
  await settings.click();
  await page.getByLabel("Provider preferences").fill('{"order": ["openai"]}');
  await settings.click();
  await prompt.fill("Write a haiku about switchboards. [[sim: status=500 provider=openai]]");
  await prompt.press("Enter");
  await page.getByRole("link", { name: "Generation" }).nth(1).waitFor();
}

/** Points that the lines of the live figures show. */
const POINTS = 10;

/** Asks models until the platform's live figures and their lines show it. */
async function liven(page) {
  const pace = page.locator(".live-figures .number").first();
  const line = page.locator(".live-figures .spark path").last();
  await api.until("traffic in the live figures", async () => {
    const content = "Explain the difference between a lease and a lock.";
    await api.ask({ model: "openai/gpt-4o-mini", max_tokens: 60, messages: [{ role: "user", content }] });
    const points = ((await line.getAttribute("d")) ?? "").match(/[ML]/g)?.length ?? 0;
    return points >= POINTS && /[1-9]/.test(await pace.innerText()) ? true : null;
  });
}

const browser = await launch();
const state = await signedIn();

/** The session that the pictures are taken in. */
async function signedIn() {
  const { context, page } = await open(browser);
  await signIn(page, console_url, { email: dev.admin_email, password: dev.admin_password });
  const kept = await context.storageState();
  await context.close();
  return kept;
}

for (const [sizeName, size] of [
  ["wide", WIDE],
  ["narrow", NARROW],
]) {
  for (const theme of ["light", "dark"]) {
    const inside = await open(browser, { theme, size, state });
    await fillDays(inside.context);
    const outside = await open(browser, { theme, size });
    for (const [name, address] of pages) {
      const { page } = address === SIGN_IN ? outside : inside;
      await page.goto(console_url + address);
      await settled(page);
      if (name === "playground") await play(page);
      if (name === "operator-overview") await liven(page);
      const picture = `${name}-${sizeName}-${theme}`;
      if (readme !== "" && IN_README.has(picture)) await page.screenshot({ path: join(readme, `${picture}.png`) });
      // What scrolls beyond the window is in the picture too, up to three windows.
      const tall = await page.evaluate(() => document.documentElement.scrollHeight);
      await page.setViewportSize({ ...size, height: Math.min(Math.max(tall, size.height), size.height * 3) });
      await page.screenshot({ path: join(folder, `${picture}.png`) });
      await page.setViewportSize(size);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > size.width) console.log(`${name} ${sizeName} ${theme}: ${wide} pixels wide`);
    }
    for (const line of new Set([...outside.said, ...inside.said])) console.log(`${sizeName} ${theme}: ${line}`);
    await Promise.all([outside, inside].map(({ context }) => context.close()));
  }
}
await browser.close();
