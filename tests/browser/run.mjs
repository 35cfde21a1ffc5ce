// Runs the trials: `node run.mjs <dev.json, or what stands in it> <folder for what failed> [<address of the console>] [<part of a name>]`.
// A line of each: `ok` or `failed`, the seconds, its name. Ends with 1 when one failed.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { launch, open, signIn } from "./browser.mjs";
import { furnish } from "./furnish.mjs";
import { platform } from "./platform.mjs";
import { account } from "./trials/account.mjs";
import { keyboard } from "./trials/keyboard.mjs";
import { operators } from "./trials/operators.mjs";
import { pages } from "./trials/pages.mjs";

const [file, folder, address = "", part = ""] = process.argv.slice(2);
const dev = JSON.parse(file.startsWith("{") ? file : readFileSync(file, "utf8"));
const site = (address || dev.console_url || new URL(dev.api_base).origin).replace(/\/$/, "");
const api = platform(dev);
mkdirSync(folder, { recursive: true });

const browser = await launch();
const unique = (name) => `${name} ${crypto.randomUUID().slice(0, 8)}`;
const state = await signedIn();

/** A session that all trials share: signing in is a trial of its own. */
async function signedIn() {
  const { context, page } = await open(browser);
  await signIn(page, site, { email: dev.admin_email, password: dev.admin_password });
  const kept = await context.storageState();
  await context.close();
  return kept;
}

/** Runs one; whatever it opened is pictured when it failed, and closed. */
async function attempt(name, trial) {
  const opened = [];
  const fresh = async ({ isSignedIn = false, ...options } = {}) => {
    const one = await open(browser, { ...options, ...(isSignedIn ? { state } : {}) });
    opened.push(one);
    return one;
  };
  const began = Date.now();
  const seconds = () => `${((Date.now() - began) / 1000).toFixed(1)} s`;
  try {
    const { page } = await fresh({ isSignedIn: true });
    await trial({ site, dev, api, unique, fresh, page });
    console.log(`ok      ${seconds()}  ${name}`);
    return true;
  } catch (error) {
    console.log(`failed  ${seconds()}  ${name}\n${error.stack ?? error}`);
    for (const [place, { page, said }] of opened.entries()) {
      const stem = join(folder, `${name.replaceAll(/[^a-z0-9]+/gi, "-")}-${place}`);
      await page.screenshot({ path: `${stem}.png` }).catch(() => undefined);
      writeFileSync(`${stem}.log`, [page.url(), ...said].join("\n"));
      console.log(`        see ${stem}.png and .log`);
    }
    return false;
  } finally {
    await Promise.all(opened.map(({ context }) => context.close()));
  }
}

await furnish(dev);
const trials = Object.entries({ ...account, ...keyboard, ...operators, ...pages }).filter(([name]) =>
  name.includes(part),
);
// Three at a time: most of a trial is waiting.
const left = [...trials];
const outcomes = await Promise.all(
  Array.from({ length: 3 }, async () => {
    let isGood = true;
    for (let next = left.shift(); next !== undefined; next = left.shift()) isGood = (await attempt(...next)) && isGood;
    return isGood;
  }),
);
await browser.close();
console.log(`${trials.length} trials`);
process.exitCode = outcomes.every(Boolean) && trials.length > 0 ? 0 : 1;
