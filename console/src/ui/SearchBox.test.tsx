// @vitest-environment happy-dom
// What is typed is kept, however late the page's address hears of it.

import { useState } from "react";
import { type Root, createRoot } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { field, press, type } from "~/testing";

import { SearchBox } from "./SearchBox";

const BOX = "Search";

let root: Root;
/** Lets the address have what was searched for last. */
let arrive: () => void;

function Search() {
  const [address, setAddress] = useState("");
  return (
    <>
      <SearchBox aria-label={BOX} value={address} onSearch={(text) => (arrive = () => setAddress(text))} />
      <button onClick={() => setAddress("")}>Show all</button>
      <output>{address}</output>
    </>
  );
}

const shown = () => field(BOX).value;
const isAddress = (text: string) =>
  vi.waitFor(() => expect(document.querySelector("output")?.textContent).toBe(text));

beforeEach(async () => {
  document.body.innerHTML = '<div id="root"></div>';
  root = createRoot(document.getElementById("root") as HTMLElement);
  root.render(<Search />);
  await isAddress("");
});
afterEach(() => root.unmount());

test("letters that are typed before the address changes are kept", async () => {
  for (const letter of "haiku") type(BOX, shown() + letter);
  expect(shown()).toBe("haiku");
  arrive();
  await isAddress("haiku");
  expect(shown()).toBe("haiku");
});

test("a box that was left shows what the address says", async () => {
  field(BOX).focus();
  type(BOX, "haiku");
  arrive();
  await isAddress("haiku");
  field(BOX).blur();
  await press("Show all");
  await vi.waitFor(() => expect(shown()).toBe(""));
});
