import { expect, test } from "vitest";

import { type ServiceStatus, bytes, ordered } from "./status";

const one = (service: string, state: ServiceStatus["state"], name = service): ServiceStatus => ({
  service,
  name,
  state,
  detail: "",
  version: null,
  latency_ms: null,
});

test("what is down is seen first, the rest from the edge inwards", () => {
  const services = [
    one("nats", "unused"),
    one("postgres", "up"),
    one("edge", "up", "b"),
    one("redis", "down"),
  ];
  expect(ordered([...services, one("edge", "up", "a")]).map(({ name }) => name)).toEqual([
    "redis",
    "a",
    "b",
    "postgres",
    "nats",
  ]);
});

test("sizes are said in thousands", () => {
  expect(bytes(0)).toBe("0 bytes");
  expect(bytes(999)).toBe("999 bytes");
  expect(bytes(1_540_000)).toBe("1.5 MB");
});
