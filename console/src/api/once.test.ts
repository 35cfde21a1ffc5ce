import { expect, test } from "vitest";

import { onceHeaders } from "./once";

test("the same is asked under one key, anything else under another", () => {
  const once = onceHeaders();
  const first = once({ amount: "5" });
  expect(first["Idempotency-Key"]).toMatch(/^[0-9a-f-]{36}$/);
  expect(once({ amount: "6" })).not.toEqual(first);
  expect(once({ amount: "5" }), "what was asked before is asked again").toEqual(first);
});

test("a dialog that is opened again means it a second time", () => {
  expect(onceHeaders()({ amount: "5" })).not.toEqual(onceHeaders()({ amount: "5" }));
});
