// Writes what browsers can unpack beside the files of dist/, once, so that whoever serves them need not compress.

import { readFile, readdir, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const FOLDERS = [new URL("../dist/", import.meta.url), new URL("../dist/assets/", import.meta.url)];
const TEXTS = /\.(css|html|js|json|svg)$/;
/** Bytes below which a file fits into one packet anyway. */
const SMALLEST = 1024;
/** It is kept when it saves as much. */
const WORTH = 0.9;

const FORMS = {
  br: (text) =>
    promisify(brotliCompress)(text, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: text.length } }),
  gz: (text) => promisify(gzip)(text, { level: constants.Z_BEST_COMPRESSION }),
};

async function compress(file) {
  const text = await readFile(file);
  if (text.length < SMALLEST) return;
  for (const [ending, form] of Object.entries(FORMS)) {
    const packed = await form(text);
    if (packed.length < text.length * WORTH) await writeFile(new URL(`${file}.${ending}`), packed);
  }
}

for (const folder of FOLDERS) {
  const names = (await readdir(folder)).filter((name) => TEXTS.test(name));
  await Promise.all(names.map((name) => compress(new URL(name, folder))));
}
