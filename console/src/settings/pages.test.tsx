// @vitest-environment happy-dom
// What ends sessions is asked about first, and a form that is at work keeps its place.

import { expect, test, vi } from "vitest";

import { OPERATOR, openConsole, press, sees } from "~/testing";

test("nobody signs out everywhere by a slip", async () => {
  const page = openConsole({ "DELETE /account/v1/sessions": { data: {} } });
  await page.open("/settings");
  await press("Sign out everywhere…");
  await sees("this one too");
  expect(page.sent.filter((one) => one.name.startsWith("DELETE"))).toEqual([]);
  await press("End every session");
  await vi.waitFor(() => expect(page.last("DELETE /account/v1/sessions")).toBeTruthy());
});

test("a button at work begins nothing a second time and keeps the focus", async () => {
  const PATCH = "PATCH /account/v1/me";
  let finish = () => {};
  const answered = new Promise<void>((resolve) => (finish = resolve));
  const page = openConsole({ [PATCH]: () => answered.then(() => ({ data: OPERATOR.user })) });
  await page.open("/settings");
  const button = await vi.waitFor(() => {
    const found = [...document.querySelectorAll("button")].find((one) => one.textContent === "Save");
    if (!found) throw new Error("no button");
    return found;
  });
  button.focus();
  button.click();
  await vi.waitFor(() => expect(button.textContent).toBe("Working…"));
  button.click();
  expect(document.activeElement, "the focus is where it was").toBe(button);
  finish();
  await vi.waitFor(() => expect(button.textContent).toBe("Save"));
  expect(page.sent.filter((one) => one.name === PATCH).length).toBe(1);
});
