import { expect, test } from "vitest";

import { ApiError } from "~/api/errors";

import { type Group, changed, formOf, membersOf, mistakesOf, withAliases } from "./members";

const GROUPS: Group[] = [
  {
    legend: "All",
    fields: [
      { name: "slug", label: "Slug", kind: "text", isRequired: true, isFixed: true },
      { name: "timeouts.total_ms", label: "Total", kind: "number" },
      { name: "datacenters", label: "Datacenters", kind: "words" },
      { name: "quirks", label: "Quirks", kind: "object" },
      { name: "collects_data", label: "Collects data", kind: "maybe" },
      { name: "disabled", label: "Disabled", kind: "flag" },
      { name: "credential", label: "Credential", kind: "secret" },
    ],
  },
];
const ROW = {
  slug: "acme",
  timeouts: { total_ms: 5000 },
  datacenters: ["DE", "US"],
  quirks: {},
  collects_data: null,
  disabled: false,
  credential: "an id that is no secret",
};

test("only what differs is sent, within its member", () => {
  const before = formOf(GROUPS, ROW);
  expect(before["credential"]).toBe("");
  expect(membersOf(GROUPS, before, before)).toEqual({});
  const after = {
    ...before,
    "timeouts.total_ms": "7000",
    datacenters: "DE NL",
    quirks: '{"drop": ["seed"]}',
    collects_data: "false",
    disabled: "true",
    credential: "sk-1",
  };
  expect(membersOf(GROUPS, before, after)).toEqual({
    timeouts: { total_ms: 7000 },
    datacenters: ["DE", "NL"],
    quirks: { drop: ["seed"] },
    collects_data: false,
    disabled: true,
    credential: "sk-1",
  });
});

test("what is emptied is cleared", () => {
  const before = formOf(GROUPS, ROW);
  expect(membersOf(GROUPS, before, { ...before, "timeouts.total_ms": "", datacenters: "" })).toEqual({
    timeouts: { total_ms: null },
    datacenters: null,
  });
});

test("what cannot be sent is told", () => {
  const form = { slug: "", "timeouts.total_ms": "soon", quirks: "[1]" };
  expect(Object.keys(mistakesOf(GROUPS, form, true))).toEqual(["slug", "timeouts.total_ms", "quirks"]);
  expect(Object.keys(mistakesOf(GROUPS, form, false))).toEqual(["timeouts.total_ms", "quirks"]);
});

test("aliases are added and removed", () => {
  expect(withAliases({ aliases: ["b", "c"], name: "x" }, ["a", "b"])).toEqual({
    name: "x",
    aliases: ["c"],
    remove_aliases: ["a"],
  });
  expect(withAliases({ name: "x" }, ["a"])).toEqual({ name: "x" });
});

const moved = new ApiError(412, "It is not as it was.");

test("a tag that moved by itself is read again", async () => {
  const tags: (string | null)[] = [];
  let reads = 0;
  const read = async () => ({ row: ROW, tag: `W/"${(reads += 1)}"` });
  const written = await changed(GROUPS, formOf(GROUPS, ROW), read, async (tag) => {
    tags.push(tag);
    if (tags.length < 3) throw moved;
    return "done";
  });
  expect(written).toBe("done");
  expect(tags).toEqual(['W/"1"', 'W/"2"', 'W/"3"']);
});

test("what somebody else changed is not overwritten", async () => {
  const read = async () => ({ row: { ...ROW, datacenters: ["FR"] }, tag: null });
  const write = async () => {
    throw new Error("must not be called");
  };
  await expect(changed(GROUPS, formOf(GROUPS, ROW), read, write)).rejects.toThrow(
    "Somebody else changed it meanwhile: datacenters.",
  );
});

test("an API that goes on refusing has the last word", async () => {
  const read = async () => ({ row: ROW, tag: null });
  await expect(
    changed(GROUPS, formOf(GROUPS, ROW), read, async () => {
      throw moved;
    }),
  ).rejects.toBe(moved);
});
