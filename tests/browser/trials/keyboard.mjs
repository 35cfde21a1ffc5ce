// Everything by keyboard: the palette, dialogs that hold focus and give it back, menus, tables.

import { equal, ok } from "node:assert/strict";

import { NARROW, settled } from "../browser.mjs";

const focused = (page) =>
  page.evaluate(() => {
    const one = document.activeElement;
    return one?.getAttribute("aria-label") ?? one?.textContent?.trim() ?? "";
  });

export const keyboard = {
  async "the palette finds pages and models, and shortcuts open pages"({ site, page }) {
    await page.goto(`${site}/`);
    await settled(page);
    await page.keyboard.press("Control+k");
    const palette = page.getByRole("combobox", { name: /Find a page/ });
    await palette.waitFor();
    await page.keyboard.type("guardr");
    await page
      .getByRole("option", { name: /Guardrails/ })
      .and(page.locator("[aria-selected=true]"))
      .waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(`${site}/guardrails`);
    await page.keyboard.press("Control+k");
    await palette.waitFor();
    await page.keyboard.press("Escape");
    await palette.waitFor({ state: "detached" });
    await page.keyboard.press("g");
    await page.keyboard.press("m");
    await page.waitForURL(/\/models/);
    const search = page.getByRole("searchbox", { name: "Search models by name" });
    await search.waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("haiku");
    await page.waitForURL(/q=haiku/);
    equal(await search.inputValue(), "haiku");
  },

  async "a dialog holds the focus and gives it back"({ site, page }) {
    await page.goto(`${site}/keys`);
    await settled(page);
    const opener = page.getByRole("button", { name: "New key" }).first();
    await opener.focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "New key" });
    await dialog.waitFor();
    for (let step = 0; step < 30; step += 1) {
      await page.keyboard.press("Tab");
      const isInside = await dialog.evaluate((box) => box.contains(document.activeElement));
      const isGuard = await page.evaluate(
        () => document.activeElement?.hasAttribute("data-base-ui-focus-guard") ?? false,
      );
      ok(isInside || isGuard, `after ${step + 1} tabs the focus is on “${await focused(page)}”, outside of the dialog`);
    }
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await page.waitForFunction(() => document.activeElement?.textContent?.trim() === "New key");
  },

  async "the menu of narrow windows takes the focus, and gives it back or hands it to the page"({ site, fresh }) {
    const { page } = await fresh({ size: NARROW, isSignedIn: true });
    await page.goto(`${site}/keys`);
    await settled(page);
    const opener = page.getByRole("button", { name: "Open the menu" });
    await opener.focus();
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector("#pages")?.contains(document.activeElement));
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => document.activeElement?.getAttribute("aria-label") === "Open the menu");
    await page.keyboard.press("Enter");
    const link = page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Members" });
    await link.focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(`${site}/members`);
    await page.waitForFunction(() => document.activeElement?.id === "content");
    await page.locator("#page-name", { hasText: "Members" }).waitFor({ state: "attached" });
  },

  async "the page begins with a link over the navigation, and rows have their actions by keyboard"({ site, page }) {
    await page.goto(`${site}/keys`);
    await settled(page);
    await page.keyboard.press("Tab");
    equal(await focused(page), "Skip to the page");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.activeElement?.id === "content");
    const menu = page.getByRole("button", { name: /^Actions of/ }).first();
    await menu.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: "Change…" }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Escape");
    await page.getByRole("menuitem", { name: "Change…" }).waitFor({ state: "detached" });
    await page.waitForFunction(() => document.activeElement?.getAttribute("aria-label")?.startsWith("Actions of"));
  },
};
