// The console in a page without a layout, with answers in the server's place: for tests of whole pages.

import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider, createMemoryHistory, createRouter } from "@tanstack/react-router";
import { type Root, createRoot } from "react-dom/client";
import { onTestFinished, vi } from "vitest";

import { queries } from "./queries";
import { router as real } from "./router";
import { THINGS } from "./session/may";

/** The session of an owner who is a platform administrator, too. */
export const OPERATOR = {
  session_id: "s",
  csrf_token: "t",
  user: { id: "u", email: "ada@example.com", name: "Ada", is_platform_admin: true, has_password: true },
  actions: THINGS.flatMap((thing) => [`${thing}.read`, `${thing}.write`]),
  organization: { id: "o", slug: "acme", name: "Acme", role: "owner" },
  organizations: [{ id: "o", slug: "acme", name: "Acme", role: "owner" }],
};

export interface Sent {
  name: string;
  query: string;
  headers: Headers;
  /** What JSON says, else the text; null when there is none. */
  body: unknown;
}

/** By method and path; a function answers what it is asked. */
export type Answers = Record<string, unknown>;

export interface Console {
  open: (address: string) => Promise<void>;
  /** What was asked of the server. */
  sent: Sent[];
  /** The last request under a name, such as `POST /admin/v1/prices`. */
  last: (name: string) => Sent;
}

export const refusal = (status: number, message: string): Response =>
  Response.json({ error: { code: status, message, metadata: {} } }, { status });

/** A console of a platform administrator, with nothing open yet. It is gone when the test is. */
export function openConsole(answers: Answers): Console {
  // Without a height no table would show a row.
  for (const side of ["clientHeight", "clientWidth", "offsetHeight", "offsetWidth"])
    Object.defineProperty(HTMLElement.prototype, side, { configurable: true, get: () => 600 });
  const sent: Sent[] = [];
  const all: Answers = { "GET /account/v1/session": { data: OPERATOR }, ...answers };
  async function answer(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request =
      input instanceof Request ? input : new Request(new URL(String(input), "http://console.test"), init);
    const url = new URL(request.url);
    const text = request.method === "GET" ? "" : await request.text();
    const isJson = request.headers.get("content-type") === "application/json";
    const one: Sent = {
      name: `${request.method} ${url.pathname}`,
      query: url.search,
      headers: request.headers,
      body: text === "" ? null : isJson ? JSON.parse(text) : text,
    };
    sent.push(one);
    const found = all[one.name];
    const told: unknown = await (typeof found === "function"
      ? (found as (asked: Sent) => unknown)(one)
      : found);
    if (told instanceof Response) return told;
    return Response.json(told ?? { data: [], total_count: 0, next: null }, { headers: { etag: 'W/"1"' } });
  }
  queries.clear();
  vi.stubGlobal("fetch", answer);
  document.body.innerHTML = '<div id="root"></div>';
  const root: Root = createRoot(document.getElementById("root") as HTMLElement);
  onTestFinished(() => {
    root.unmount();
    vi.unstubAllGlobals();
  });
  return {
    sent,
    last(name) {
      const found = sent.findLast((one) => one.name === name);
      if (found === undefined)
        throw new Error(`${name} was not asked for: ${sent.map((one) => one.name).join(", ")}`);
      return found;
    },
    async open(address) {
      const router = createRouter({
        ...real.options,
        history: createMemoryHistory({ initialEntries: [address] }),
      } as typeof real.options);
      root.render(
        <QueryClientProvider client={queries}>
          <RouterProvider router={router as typeof real} />
        </QueryClientProvider>,
      );
      await vi.waitFor(() => {
        const after = `${shownText()} after ${sent.map((one) => one.name).join(", ")}`;
        if (document.querySelector("h1") === null) throw new Error(`no heading yet: ${after}`);
        if (document.querySelector("[role=status]") !== null) throw new Error(`still loading: ${after}`);
      }, 4000);
    },
  };
}

function shownText(): string {
  return document.body.textContent ?? "";
}

/** Waits until a text is shown somewhere. */
export const sees = (text: string): Promise<void> =>
  vi.waitFor(() => {
    if (!shownText().includes(text)) throw new Error(`“${text}” is not in: ${shownText()}`);
  }, 4000);

/** Waits until no dialog is open, as when what it was for is done. */
export const closes = (): Promise<void> =>
  vi.waitFor(() => {
    if (document.querySelector("[role=dialog]") !== null) throw new Error(`still open: ${shownText()}`);
  }, 4000);

/** Waits for a button of this name that can be pressed, the last of them, and presses it. */
export async function press(name: string): Promise<void> {
  const button = await vi.waitFor(() => {
    const found = [...document.querySelectorAll<HTMLButtonElement>("button")].findLast(
      (one) => (one.getAttribute("aria-label") ?? one.textContent) === name && !one.disabled,
    );
    if (found === undefined) throw new Error(`no button “${name}” in: ${shownText()}`);
    return found;
  }, 4000);
  button.click();
}

/** Waits for an option that is called so, and chooses it. */
export async function choose(name: string): Promise<void> {
  const option = await vi.waitFor(() => {
    const all = [...document.querySelectorAll<HTMLElement>("[role=option]")];
    const found = all.find((one) => one.textContent?.includes(name));
    if (found === undefined) throw new Error(`no option “${name}” in: ${shownText()}`);
    return found;
  }, 4000);
  option.click();
}

/** The field of a label. */
export function field(label: string): HTMLInputElement {
  const named = [...document.querySelectorAll<HTMLInputElement>("input, textarea, select")].find(
    (one) => one.getAttribute("aria-label") === label || one.labels?.[0]?.textContent?.startsWith(label),
  );
  if (named === undefined) throw new Error(`no field “${label}” in: ${shownText()}`);
  return named;
}

/** Types into a field as a person does, so that React hears of it. */
export function type(label: string, text: string): void {
  const input = field(label);
  const prototype = Object.getPrototypeOf(input) as object;
  const setter = Object.getOwnPropertyDescriptor(prototype, "value")?.set;
  setter?.call(input, text);
  const isSelect = input.tagName === "SELECT";
  input.dispatchEvent(
    isSelect
      ? new Event("change", { bubbles: true })
      : new InputEvent("input", { bubbles: true, inputType: "insertText" }),
  );
}

/** Alerts that are shown. */
export const troubles = (): (string | null)[] =>
  [...document.querySelectorAll("[role=alert]")].map((one) => one.textContent);
