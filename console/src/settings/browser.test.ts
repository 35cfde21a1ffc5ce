import { expect, test } from "vitest";

import { browserOf } from "./browser";

test("browsers are told by name, version and system", () => {
  const chrome =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
  expect(browserOf(chrome)).toBe("Chrome 156 on Linux");
  expect(browserOf(`${chrome} Edg/156.0`)).toBe("Edge 156 on Linux");
  expect(
    browserOf("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile Safari/604.1"),
  ).toBe("Safari 19 on iOS");
});

test("what is no browser is shown as it is", () => {
  expect(browserOf("curl/8.5.0")).toBe("curl/8.5.0");
  expect(browserOf("")).toBe("unknown browser");
});
