import { expect, test } from "vitest";

import { EventReader } from "./sse";

const bytes = (text: string) => new TextEncoder().encode(text);
const read = (text: string) => new EventReader().push(bytes(text));

const STREAM =
  ': keep-alive\r\n\r\ndata: {"a":"é→🙂"}\n\nevent: error\ndata: one\ndata: two\n\nid: 7\n\ndata:[DONE]\r\r';
const EXPECTED = [
  { type: "message", data: '{"a":"é→🙂"}' },
  { type: "error", data: "one\ntwo" },
];

test("events come with their types, comments and empty ones do not", () => {
  expect(read(STREAM).slice(0, 2)).toEqual(EXPECTED);
});

test("a stream may be cut at every byte", () => {
  const whole = bytes(`${STREAM}\n`);
  for (let cut = 0; cut <= whole.length; cut += 1) {
    const reader = new EventReader();
    const events = [...reader.push(whole.slice(0, cut)), ...reader.push(whole.slice(cut))];
    expect(events.slice(0, 2), `cut at ${cut}`).toEqual(EXPECTED);
    expect(events.at(-1)).toEqual({ type: "message", data: "[DONE]" });
  }
});

test("what has not ended yet is no event", () => expect(read("data: half\n")).toEqual([]));
