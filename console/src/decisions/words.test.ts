import { expect, test } from "vitest";

import { type Considered, type Explanation, decisionsSearch } from "./decisions";
import { couldServe, headline, orderText, outcomeOf, reasonText, sharesOf, strategyText } from "./words";

const endpoint = (members: Partial<Considered>): Considered => ({
  id: "e1",
  provider: "groq",
  tag: "groq",
  model: "a/m",
  selected: false,
  ...members,
});
const explanation = (members: Partial<Explanation>): Explanation => ({
  seed: "1",
  catalogue_version: 1,
  now_ms: 0,
  names: [],
  endpoints: [],
  ...members,
});

test("every endpoint is told what became of it", () => {
  const shares = sharesOf({
    draws: [
      { drawn: "e1", shares: [{ id: "e1", weight: 1, share: 0.731 }] },
      { drawn: "e1", shares: [{ id: "e1", weight: 1, share: 0.1 }] },
    ],
  });
  expect(shares.get("e1")).toBe(0.731);
  expect(outcomeOf(endpoint({ selected: true, position: 1, rank: "stable" }))).toEqual(["Tried first."]);
  expect(outcomeOf(endpoint({ reason: "max_price" }))).toEqual([
    "Not tried: it costs more than the request's `max_price`.",
  ]);
  const told = outcomeOf(
    endpoint({
      selected: true,
      position: 3,
      rank: "ejected",
      misses_threshold: true,
      is_held: true,
      is_byok: true,
    }),
  );
  expect(told[0]).toBe("Tried as number 3, if those before it fail.");
  expect(told.join(" ")).toMatch(/tenant's own.*holds the conversation.*misses a preferred.*It is ejected/);
});

test("what no table knows yet is told as it is", () => {
  expect(reasonText("some_new_rule")).toBe("some new rule");
  expect(orderText("moon")).toBe("moon");
  expect(strategyText("pareto")).toBe("the router `pareto` chose the model");
});

test("the headline says who goes first, or why nobody does", () => {
  const endpoints = [
    endpoint({ selected: true, position: 1 }),
    endpoint({ id: "e2", reason: "plan_full" }),
    endpoint({ id: "e3", reason: "ignored" }),
  ];
  expect(endpoints.map(couldServe)).toEqual([true, true, false]);
  expect(headline(explanation({ endpoints }))).toBe(
    "groq goes first, for a/m: 2 of 3 endpoints could serve.",
  );
  expect(headline(explanation({ refused: { status: 404, message: "No endpoints." } }))).toBe(
    "Refused with 404: No endpoints.",
  );
  expect(headline(explanation({}))).toBe("Of 0 endpoints none is in the plan.");
});

test("whatever stands in the address is taken or left out", () => {
  expect(decisionsSearch({ tenant: " t ", model: 5, provider: "", page: "x" })).toEqual({ tenant: "t" });
});
