// Every page, light and dark: nothing on the browser's console, nothing that axe finds serious, nothing wider than a phone.

import axe from "axe-core";

import { NARROW, settled } from "../browser.mjs";
import { SIGN_IN, addresses } from "../pages.mjs";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"];
const GRAVE = new Set(["serious", "critical"]);

/** What axe finds, a line for each element. */
async function findings(page, theme) {
  // Themes differ in colours alone.
  const rules = theme === "dark" ? ["color-contrast"] : RULES;
  // Evaluated and not put into the page, whose content security policy lets no script in.
  await page.evaluate(axe.source);
  const violations = await page.evaluate(
    async (only) => (await window.axe.run(document, { runOnly: only, resultTypes: ["violations"] })).violations,
    rules,
  );
  return violations
    .filter(({ impact }) => GRAVE.has(impact))
    .flatMap(({ id, help, nodes }) =>
      nodes.slice(0, 3).map((node) => `${id} (${help}): ${node.html.slice(0, 200)}\n${node.failureSummary}`),
    );
}

async function look({ site, dev, fresh }, theme, size) {
  const inside = await fresh({ theme, size, isSignedIn: true });
  const outside = await fresh({ theme, size });
  /** The pages that have a fault. */
  const faults = new Map();
  const note = (fault, name) => faults.set(fault, [...(faults.get(fault) ?? []), name]);
  for (const [name, address] of [["sign-in", SIGN_IN], ...(await addresses(dev))]) {
    const { page, said } = address === SIGN_IN ? outside : inside;
    said.length = 0;
    await page.goto(site + address);
    await settled(page);
    if (size === undefined) for (const found of await findings(page, theme)) note(found, name);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (wide > 0) note(`wider than the window by ${wide} pixels`, name);
    for (const line of said) note(line, name);
  }
  const lines = [...faults].map(([fault, names]) => `${names.join(", ")}: ${fault}`);
  if (lines.length > 0) throw new Error(`${lines.length} faults\n${lines.join("\n")}`);
}

export const pages = {
  "every page is sound in the light theme": (world) => look(world, "light"),
  "every page is sound in the dark theme": (world) => look(world, "dark"),
  "every page fits on a phone": (world) => look(world, "light", NARROW),
};
