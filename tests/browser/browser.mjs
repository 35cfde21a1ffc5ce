// Debian's Chromium, driven by Playwright.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

/** How long a condition may take on a machine that compiles beside it. */
export const PATIENCE_MS = 45_000;

const FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    chromiumSandbox: false,
    args: FLAGS,
  });
}

export const WIDE = { width: 1440, height: 900 };
export const NARROW = { width: 390, height: 844 };

/**
 * A page in a browser context of its own.
 * What it says on its console and what it could not load is collected in `said`.
 */
export async function open(browser, { theme = "light", size = WIDE, state } = {}) {
  const context = await browser.newContext({
    colorScheme: theme,
    viewport: size,
    deviceScaleFactor: 1,
    isMobile: size === NARROW,
    hasTouch: size === NARROW,
    reducedMotion: "reduce",
    locale: "en-GB",
    timezoneId: "UTC",
    acceptDownloads: true,
    ...(state ? { storageState: state } : {}),
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const said = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) said.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => said.push(`thrown: ${error.stack ?? error.message}`));
  return { context, page, said };
}

export async function signIn(page, site, { email, password }) {
  await page.goto(`${site}/sign-in`);
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
  await settled(page);
}

/** Waits until the page shows what it asked for. */
export async function settled(page) {
  await page.locator("h1").first().waitFor();
  await page.waitForFunction(() => document.querySelector("[role=status][aria-label=Loading]") === null);
  await page.waitForLoadState("networkidle");
  await page.evaluate(() => document.fonts.ready);
}
