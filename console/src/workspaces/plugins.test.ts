import { expect, test } from "vitest";

import { pluginsOf, pluginsText, pluginsTrouble } from "./plugins";

test("plugins are edited as they are sent, and nothing is none", () => {
  const plugins = [{ id: "auto-router", allowed_models: ["openai/*"] }, { id: "web" }];
  expect(pluginsOf(pluginsText(plugins))).toEqual(plugins);
  expect(pluginsText(null)).toBe("");
  expect(pluginsText([])).toBe("");
  expect(pluginsOf(" \n")).toBeNull();
});

test.each([
  ["[{", "no JSON"],
  ['{"id": "web"}', "are a list"],
  ['[{"id": "web"}, "web"]', "Entry 2"],
  ['[{"name": "web"}]', "Entry 1"],
  ['[{"id": "web"}, {"id": "web"}]', "twice"],
])("%s is said to be wrong", (text, trouble) => {
  expect(pluginsTrouble(text)).toContain(trouble);
});
