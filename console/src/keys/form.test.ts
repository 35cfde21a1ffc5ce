import { expect, test } from "vitest";

import { EMPTY, changesOf, mistakesOf, newKeyOf } from "./form";
import { stateOf } from "./keys";

const NOW = new Date("2026-11-26T12:00:00Z");

test("a key without limits asks for none", () => {
  const asked = newKeyOf({ ...EMPTY, name: " prod " }, undefined, NOW);
  expect(asked).toMatchObject({
    name: "prod",
    limit: null,
    limit_reset: null,
    expires_at: null,
    allowed_ips: null,
  });
  expect(asked).not.toHaveProperty("workspace_id");
});

test("limits are amounts and the end is a moment", () => {
  const asked = newKeyOf(
    { ...EMPTY, name: "x", limit: "$1,250.5", days: "30", addresses: "10.0.0.0/8, ::1", rpm: "60" },
    "w",
    NOW,
  );
  expect(asked).toMatchObject({
    limit: 1250.5,
    limit_reset: "monthly",
    expires_at: "2026-12-26T12:00:00.000Z",
    allowed_ips: ["10.0.0.0/8", "::1"],
    rate_limit_rpm: 60,
    workspace_id: "w",
  });
});

test("management keys have no limits and no workspace", () => {
  const asked = newKeyOf({ ...EMPTY, name: "ci", kind: "management", limit: "5" }, "w", NOW);
  expect(asked).toEqual({ name: "ci", kind: "management", expires_at: null, allowed_ips: null });
});

test("emptying a limit takes it away", () => expect(changesOf({ ...EMPTY, name: "x" }).limit).toBeNull());

test("mistakes are told by field", () => {
  expect(Object.keys(mistakesOf({ ...EMPTY, limit: "much", rpm: "0", days: "1.5" })).sort()).toEqual([
    "days",
    "limit",
    "name",
    "rpm",
  ]);
  expect(mistakesOf({ ...EMPTY, name: "x" })).toEqual({});
});

test("the state says what would happen to a request", () => {
  const key = { disabled: false, expires_at: null, limit: null, limit_remaining: null };
  expect(stateOf(key, NOW)).toBe("active");
  expect(stateOf({ ...key, expires_at: "2026-11-26T11:59:59Z" }, NOW)).toBe("expired");
  expect(stateOf({ ...key, limit: 5, limit_remaining: 0 }, NOW)).toBe("used up");
  expect(stateOf({ ...key, disabled: true, limit: 5, limit_remaining: 0 }, NOW)).toBe("disabled");
});
