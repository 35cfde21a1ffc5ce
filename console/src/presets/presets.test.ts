import { expect, test } from "vitest";

import { EMPTY, bodyOf, draftOf } from "./presets";

test("the next version begins with what the one in force says", () => {
  const version = { config: { model: "a/b", temperature: 0.3 }, system_prompt: "Be kind." };
  const draft = draftOf(version);
  expect(draft).toEqual({ model: "a/b", system: "Be kind.", more: '{\n  "temperature": 0.3\n}' });
  expect(bodyOf(draft)).toEqual({
    model: "a/b",
    temperature: 0.3,
    messages: [{ role: "system", content: "Be kind." }],
  });
  expect(draftOf({ config: {}, system_prompt: null })).toEqual(EMPTY);
});

test("an empty form says nothing, and what is no object is named", () => {
  expect(bodyOf(EMPTY)).toEqual({});
  for (const more of ["[1]", "{", "7", "null"]) {
    expect(() => bodyOf({ ...EMPTY, more })).toThrow("must be a JSON object");
  }
});
