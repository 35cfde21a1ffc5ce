// Says whether dist/ was built from what is here now, and whether node_modules/ holds what package-lock.json names:
//
//     node scripts/state.mjs          # {"isCurrent":true,"hasPackages":true}
//
// `npm run build` calls it with `begin` and `end`, so that what changes meanwhile is not taken for built.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const CONSOLE = new URL("../", import.meta.url);
const DOCUMENTS = new URL("../docs/reference/", CONSOLE);
const DIGEST = new URL("dist.digest", CONSOLE);
const NEXT = new URL("dist.digest.next", CONSOLE);
/** What a build reads, beside the documents of the APIs. */
const FOLDERS = ["public", "scripts", "src"];
const FILES = ["index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"];

const isSource = (path) => !path.startsWith("src/api/generated/") && !/\.test\.tsx?$/.test(path);

async function filesBelow(folder) {
  const entries = await readdir(new URL(`${folder}/`, CONSOLE), { recursive: true, withFileTypes: true });
  const root = fileURLToPath(CONSOLE);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`.slice(root.length))
    .filter(isSource);
}

/** A hash over the paths and contents of everything that a build reads. */
async function digest() {
  const own = [...FILES, ...(await Promise.all(FOLDERS.map(filesBelow))).flat()];
  const documents = (await readdir(DOCUMENTS)).filter((name) => name.endsWith("openapi.json"));
  const files = [
    ...own.map((path) => new URL(path, CONSOLE)),
    ...documents.map((name) => new URL(name, DOCUMENTS)),
  ];
  const hash = createHash("sha256");
  for (const file of files.map(String).sort()) {
    const content = await readFile(new URL(file));
    hash.update(`${file.slice(String(CONSOLE).length)}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

async function isCurrent() {
  if (!existsSync(new URL("dist/index.html", CONSOLE)) || !existsSync(DIGEST)) return false;
  return (await readFile(DIGEST, "utf8")) === (await digest());
}

/** Whether npm's own list of what it installed is that of the lock file, but for what other systems need. */
async function hasPackages() {
  const installed = new URL("node_modules/.package-lock.json", CONSOLE);
  if (!existsSync(installed)) return false;
  const read = async (url) => JSON.parse(await readFile(url, "utf8")).packages;
  const [wanted, found] = [await read(new URL("package-lock.json", CONSOLE)), await read(installed)];
  delete wanted[""];
  const isSame = ([path, entry]) =>
    found[path] === undefined
      ? entry.optional === true
      : found[path].version === entry.version && found[path].integrity === entry.integrity;
  return Object.entries(wanted).every(isSame) && Object.keys(found).every((path) => path in wanted);
}

switch (process.argv[2]) {
  case "begin":
    await rm(DIGEST, { force: true });
    await writeFile(NEXT, await digest());
    break;
  case "end":
    await rename(NEXT, DIGEST);
    break;
  default:
    console.log(JSON.stringify({ isCurrent: await isCurrent(), hasPackages: await hasPackages() }));
}
