import { expect, test } from "vitest";

import { sessionMay } from "./may";

const organization = { role: "developer" };

test("a role may what the session says", () => {
  expect(sessionMay({ organization, actions: ["keys.read"] }, "keys.read")).toBe(true);
  expect(sessionMay({ organization, actions: ["keys.read"] }, "keys.write")).toBe(false);
});

test("without an organisation nothing may be done in one", () => {
  expect(sessionMay({ organization: null, actions: ["keys.read"] }, "keys.read")).toBe(false);
  expect(sessionMay({ actions: ["keys.read"] }, "keys.read")).toBe(false);
});
