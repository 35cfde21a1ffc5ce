// Every page, light and dark: nothing on the browser's console, nothing that axe finds serious, nothing wider than a phone.

import { deepEqual } from "node:assert/strict";

import axe from "axe-core";

import { NARROW, settled } from "../browser.mjs";
import { addresses } from "../pages.mjs";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"];
const GRAVE = new Set(["serious", "critical"]);

/** What axe finds, a line for each element. */
async function findings(page) {
  // Evaluated and not put into the page, whose content security policy lets no script in.
  await page.evaluate(axe.source);
  const violations = await page.evaluate(
    async (rules) => (await window.axe.run(document, { runOnly: rules, resultTypes: ["violations"] })).violations,
    RULES,
  );
  return violations
    .filter(({ impact }) => GRAVE.has(impact))
    .flatMap(({ id, help, nodes }) => nodes.slice(0, 3).map((node) => `${id} (${help}): ${node.html.slice(0, 200)}\n${node.failureSummary}`));
}

async function look({ site, dev, fresh }, theme, size) {
  const { page, said } = await fresh({ theme, size, isSignedIn: true });
  const faults = [];
  for (const [name, address] of await addresses(dev)) {
    said.length = 0;
    await page.goto(site + address);
    await settled(page);
    if (size === undefined) faults.push(...(await findings(page)).map((found) => `${name}: ${found}`));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (wide > 0) faults.push(`${name}: ${wide} pixels wider than the window`);
    faults.push(...said.map((line) => `${name}: ${line}`));
  }
  deepEqual(faults, [], faults.join("\n"));
}

export const pages = {
  "every page is sound in the light theme": (world) => look(world, "light"),
  "every page is sound in the dark theme": (world) => look(world, "dark"),
  "every page fits on a phone": (world) => look(world, "light", NARROW),
};
