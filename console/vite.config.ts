import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** A running platform that `npm run dev` passes API calls on to. */
const platform = process.env["PATCHBAY_URL"] ?? "http://127.0.0.1:8080";
const passedOn = ["/api", "/admin/v1", "/account", "/docs", "/accept-invitation", "/reset-password"];

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "~": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    target: "es2022",
    // `light-dark()` stays as it is written.
    cssTarget: ["chrome123", "firefox121", "safari17.5"],
    // Nothing may be inlined: the content security policy knows neither inline scripts nor data addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
  },
  server: { proxy: Object.fromEntries(passedOn.map((path) => [path, { target: platform }])) },
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "node", pool: "threads", maxWorkers: 1 },
});
