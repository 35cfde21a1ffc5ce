import { expect, test } from "vitest";

import { askedOf } from "./generations";

const span = { start: new Date("2026-11-25T12:00:00Z"), end: new Date("2026-11-26T12:00:00Z") };

test("filters are asked for by the names that single generations have", () => {
  const filters = [
    { field: "api_key_id", value: "abc" },
    { field: "user", value: "u" },
    { field: "app", value: "Notes" },
  ];
  expect(askedOf(span, filters, "error")).toEqual({
    query: {
      from: "2026-11-25T12:00:00.000Z",
      to: "2026-11-26T12:00:00.000Z",
      key: "abc",
      person: "u",
      status: "error",
    },
    unheard: ["app"],
  });
  expect(askedOf(span, [], undefined).query).not.toHaveProperty("status");
});
