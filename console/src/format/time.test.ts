import { expect, test } from "vitest";

import { duration, percent, throughput } from "./number";
import { ago, date, dateTime } from "./time";

const NOW = new Date("2026-11-26T12:00:00Z");

test("moments are told from now", () => {
  expect(ago("2026-11-26T11:57:00Z", NOW)).toBe("3 minutes ago");
  expect(ago("2026-11-28T12:00:00Z", NOW)).toBe("in 2 days");
  expect(ago("2026-11-26T12:00:01Z", NOW)).toBe("just now");
  expect(ago(null, NOW)).toBe("never");
});

test("days are those of UTC", () => expect(date("2026-11-26T23:59:59Z")).toBe("26 Nov 2026"));

test("moments name the zone that they are told in", () =>
  expect(dateTime("2026-07-26T12:00:00Z")).toMatch(
    /^2[567] Jul 2026, \d\d:\d\d:00 [A-Z]{2,5}([+-]\d{1,2}(:\d\d)?)?$/,
  ));

test("durations and speeds have the unit that fits", () => {
  expect(duration(412.4)).toBe("412 ms");
  expect(duration(1840)).toBe("1.8 s");
  expect(duration(125_000)).toBe("2 min 5 s");
  expect(throughput(7.25)).toBe("7.3 tok/s");
  expect(percent(0.99871, 2)).toBe("99.87%");
});
