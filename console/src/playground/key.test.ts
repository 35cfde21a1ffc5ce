import { expect, test } from "vitest";

import { keptIn, lastMade, ownerOf } from "./key";

const NOW = new Date("2026-11-26T12:00:00Z");
const OWNER = ownerOf("o", "u");
const kept = (members: object) =>
  JSON.stringify({ owner: OWNER, secret: "sk", hash: "h", expiresAt: null, ...members });
const made = (hash: string) => JSON.stringify({ [OWNER]: hash });
const secretIn = (text: string, owner = OWNER, last = "") => keptIn(text, owner, last, NOW)?.secret ?? null;

test("a key serves the person and the organisation that it was made for", () => {
  expect(secretIn(kept({}))).toBe("sk");
  expect(secretIn(kept({}), ownerOf("other", "u"))).toBeNull();
  expect(secretIn(kept({}), ownerOf("o", "somebody"))).toBeNull();
});

test("a key that has expired, or none, is no key", () => {
  expect(secretIn(kept({ expiresAt: "2026-11-26T12:00:00Z" }))).toBeNull();
  expect(secretIn("")).toBeNull();
});

test("a key that another tab has made another for is gone; what was pasted stays", () => {
  expect(secretIn(kept({}), OWNER, made("h"))).toBe("sk");
  expect(secretIn(kept({}), OWNER, made("newer"))).toBeNull();
  expect(secretIn(kept({ hash: null }), OWNER, made("newer"))).toBe("sk");
});

test("the key that was made last is each owner's own", () => {
  expect(lastMade(made("h"), OWNER)).toBe("h");
  expect(lastMade(made("h"), ownerOf("other", "u"))).toBeNull();
  expect(lastMade("no JSON", OWNER)).toBeNull();
});
