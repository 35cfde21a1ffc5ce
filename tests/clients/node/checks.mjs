// Runs named checks of one client library and reports each as a line of JSON; see ../python/checks.py, which
// says what goes in and out.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

export const WEATHER_SCHEMA = {
  type: "object",
  properties: { city: { type: "string", description: "Name of the city" } },
  required: ["city"],
  additionalProperties: false,
};

// A red square, 2 x 2 pixels, as a PNG.
export const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR42mP4z8AARAwQCgAf7gP9Y167WwAAAABJ" + "RU5ErkJggg==";

/// A second of silence, as a WAV file.
export function silence() {
  const header = Buffer.alloc(44);
  header.write("RIFF", 0);
  header.writeUInt32LE(32_036, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(16_000, 24);
  header.writeUInt32LE(32_000, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36);
  header.writeUInt32LE(32_000, 40);
  return Buffer.concat([header, Buffer.alloc(32_000)]);
}

const conversations = [];
const single = [];

/// A check that runs over every target that can all of `needs`; called with a client and the target.
export function conversation(needs, check) {
  conversations.push({ needs, check });
}

/// A check that runs once; called with a client.
export function once(check) {
  single.push(check);
}

/// What pins a request to the target's provider.
export function routing(target) {
  return { only: [target.provider], allow_fallbacks: false };
}

/// The error of this kind that `call` must throw.
export async function refuses(kind, call) {
  let answer;
  try {
    answer = await call();
  } catch (error) {
    assert.ok(error instanceof kind, `not ${kind.name} but ${error?.constructor?.name}: ${error?.message}`);
    return error;
  }
  assert.fail(`${kind.name} was not thrown, but this came: ${JSON.stringify(answer)}`);
}

/// Fetches, and again when told to try again shortly: a busy machine may have to answer 503. Whatever else fails is to
/// be seen.
export async function fetchPatiently(request) {
  for (let left = 20; ; left -= 1) {
    const answer = await fetch(request.clone());
    if (answer.status !== 503 || left === 0) return answer;
    await sleep(1_000);
  }
}

/// Runs the checks; `connect` makes a client from the settings.
export async function main(connect) {
  const settings = JSON.parse(process.argv[2]);
  const client = connect(settings);
  const runs = single.map((check) => ({ check, dialect: "", run: () => check(client) }));
  for (const target of settings.targets) {
    for (const { needs, check } of conversations) {
      if (needs.every((need) => target.can.includes(need))) {
        runs.push({ check, dialect: target.dialect, run: () => check(client, target) });
      }
    }
  }
  const next = runs.values();
  const work = async () => {
    for (const { check, dialect, run } of next) {
      let failure = null;
      try {
        await run();
      } catch (error) {
        const stack = String(error?.stack).split("\n");
        const where = stack.find((line) => line.includes(`/${check.name}`) || line.includes("_checks.mjs"));
        failure = `${error?.constructor?.name}: ${error?.message} ${where?.trim() ?? ""}`.slice(0, 2000);
      }
      console.log(JSON.stringify({ check: check.name, dialect, failure }));
    }
  };
  await Promise.all([work(), work(), work(), work()]);
}
