// Server-sent events, as they come in pieces over a connection. `EventSource` cannot send a body or a key.

export interface ServerEvent {
  /** `message` unless the event names another. */
  type: string;
  data: string;
}

/** Puts pieces together to events. A piece may end anywhere, also between the bytes of one character or line end. */
export class EventReader {
  readonly #decoder = new TextDecoder();
  #rest = "";
  #type = "";
  #data: string[] = [];

  /** The events that are complete with this piece. */
  push(piece: Uint8Array): ServerEvent[] {
    this.#rest += this.#decoder.decode(piece, { stream: true });
    const events: ServerEvent[] = [];
    for (;;) {
      const line = this.#line();
      if (line === null) return events;
      const event = this.#take(line);
      if (event !== null) events.push(event);
    }
  }

  /** The next whole line, without its end: LF, CR LF or CR. */
  #line(): string | null {
    const end = /\r\n|\n|\r/.exec(this.#rest);
    // A CR at the end may be half of a CR LF.
    if (end === null || (end[0] === "\r" && end.index === this.#rest.length - 1)) return null;
    const line = this.#rest.slice(0, end.index);
    this.#rest = this.#rest.slice(end.index + end[0].length);
    return line;
  }

  #take(line: string): ServerEvent | null {
    if (line === "") return this.#finish();
    // Comments keep the connection alive.
    if (line.startsWith(":")) return null;
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#data.push(value);
    if (field === "event") this.#type = value;
    return null;
  }

  #finish(): ServerEvent | null {
    const event =
      this.#data.length === 0 ? null : { type: this.#type || "message", data: this.#data.join("\n") };
    this.#type = "";
    this.#data = [];
    return event;
  }
}

/** The events of a response's body, as they arrive. */
export async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = body.getReader();
  const events = new EventReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* events.push(value);
    }
  } finally {
    // Whoever stops reading wants no more of it.
    await reader.cancel().catch(() => undefined);
  }
}
