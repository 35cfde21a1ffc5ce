import { expect, test } from "vitest";

import { secretIn } from "./key";

const NOW = new Date("2026-11-26T12:00:00Z");
const kept = (members: object) =>
  JSON.stringify({ organization: "o", secret: "sk", expiresAt: null, ...members });

test("a key serves the organisation that it was made in", () => {
  expect(secretIn(kept({}), "o", NOW)).toBe("sk");
  expect(secretIn(kept({}), "other", NOW)).toBeNull();
});

test("a key that has expired, or none, is no key", () => {
  expect(secretIn(kept({ expiresAt: "2026-11-26T12:00:00Z" }), "o", NOW)).toBeNull();
  expect(secretIn("", "o", NOW)).toBeNull();
});
