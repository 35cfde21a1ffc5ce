// Says what is loaded first and refuses a build whose first load has grown beyond its budget.

import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const DIST = new URL("../dist/", import.meta.url);
/** Bytes of scripts and styles, gzipped, before the first page shows. */
const BUDGET = 300 * 1024;

const manifest = JSON.parse(await readFile(new URL(".vite/manifest.json", DIST), "utf8"));

/** The files that are loaded with an entry of the manifest. */
function filesOf(name, found = new Set()) {
  const entry = manifest[name];
  for (const file of [entry.file, ...(entry.css ?? [])]) found.add(file);
  for (const other of entry.imports ?? []) if (!found.has(manifest[other].file)) filesOf(other, found);
  return found;
}

async function gzipped(files) {
  const sizes = await Promise.all(
    [...files].map(async (file) => gzipSync(await readFile(new URL(file, DIST))).length),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

const kilobytes = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;
const first = filesOf("index.html");
const size = await gzipped(first);
for (const [name, entry] of Object.entries(manifest).filter(([, entry]) => entry.isDynamicEntry)) {
  const own = [...filesOf(name)].filter((file) => !first.has(file));
  console.log(`${name.padEnd(48)} ${kilobytes(await gzipped(own)).padStart(10)} beyond the first load`);
}
console.log(`first load: ${kilobytes(size)} gzipped of ${kilobytes(BUDGET)}`);
if (size > BUDGET) process.exitCode = 1;
