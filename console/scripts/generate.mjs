// Writes the types of the APIs from the published documents, so that the console cannot drift from them.

import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const DOCUMENTS = new URL("../../docs/reference/", import.meta.url);
const GENERATED = new URL("../src/api/generated/", import.meta.url);
const APIS = { public: "openapi.json", account: "account-openapi.json", admin: "admin-openapi.json" };

/** Writes a file only when that changes it, so that watchers and caches are left in peace. */
async function keep(url, text) {
  const old = existsSync(url) ? await readFile(url, "utf8") : "";
  if (old !== text) await writeFile(url, text);
}

await mkdir(GENERATED, { recursive: true });
for (const [name, file] of Object.entries(APIS)) {
  const document = JSON.parse(await readFile(new URL(file, DOCUMENTS), "utf8"));
  const text = astToString(
    await openapiTS(document, { defaultNonNullable: false, emptyObjectsUnknown: true }),
  );
  await keep(
    new URL(`${name}.ts`, GENERATED),
    `// Generated from docs/reference/${file} by "npm run generate".\n\n${text}`,
  );
}
