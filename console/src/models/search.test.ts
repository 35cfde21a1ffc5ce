import { expect, test } from "vitest";

import type { Model } from "./models";
import { filtered, modelsSearch, priceOf, sortOf, sortingOf, tally, toggled } from "./search";

function model(id: string, members: Partial<Model> = {}): Model {
  return {
    id,
    canonical_slug: id,
    name: id,
    created: 0,
    context_length: 8192,
    architecture: { input_modalities: ["text"], output_modalities: ["text"] },
    pricing: { prompt: "0.000001", completion: "0.000002" },
    top_provider: { is_moderated: false },
    supported_parameters: ["tools"],
    ...members,
  };
}

const MODELS = [
  model("openai/gpt-4o", {
    context_length: 128_000,
    architecture: { input_modalities: ["text", "image"], output_modalities: ["text"] },
  }),
  model("meta/llama:free", { pricing: { prompt: "0", completion: "0" }, supported_parameters: [] }),
  model("openrouter/auto", { pricing: { prompt: "-1", completion: "-1" }, context_length: null }),
];
const ids = (search: Parameters<typeof filtered>[1]) => filtered(MODELS, search).map((one) => one.id);

test("addresses that make no sense are no filters", () => {
  expect(modelsSearch({ context: "many", price: -3, free: "perhaps", q: "  ", sort: 7 })).toEqual({
    sort: "7",
  });
  expect(modelsSearch({ context: "128000", free: "true", q: 4 })).toMatchObject({
    context: 128_000,
    free: true,
    q: "4",
  });
});

test("filters hold all at once", () => {
  expect(ids({ q: "gpt OPENAI" })).toEqual(["openai/gpt-4o"]);
  expect(ids({ reads: "image,text" })).toEqual(["openai/gpt-4o"]);
  expect(ids({ takes: "tools", authors: "meta" })).toEqual([]);
  expect(ids({ free: true })).toEqual(["meta/llama:free"]);
});

test("what is unknown is within no bounds", () => {
  expect(ids({ context: 1 })).toEqual(["openai/gpt-4o", "meta/llama:free"]);
  expect(ids({ price: 100 })).toEqual(["openai/gpt-4o", "meta/llama:free"]);
  expect(priceOf("-1")).toBeNull();
});

test("lists in addresses gain and lose members", () => {
  expect(toggled(undefined, "a")).toBe("a");
  expect(toggled("a,b", "a")).toBe("b");
  expect(toggled("a", "a")).toBeUndefined();
});

test("sorting reads back", () => {
  expect(sortingOf("-price")).toEqual({ by: "price", isDescending: true });
  expect(sortOf({ by: "price", isDescending: true })).toBe("-price");
  expect(sortingOf(undefined)).toBeNull();
});

test("values are counted, the commonest first", () => {
  expect(tally(MODELS, (one) => one.architecture.input_modalities)).toEqual([
    ["text", 3],
    ["image", 1],
  ]);
});
