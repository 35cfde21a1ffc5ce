import { expect, test } from "vitest";

import { type Document, curlOf, operationsOf, typeOf } from "./openapi";

const document: Document = {
  info: { title: "t", version: "1" },
  paths: {
    "/keys/{hash}": {
      parameters: [],
      patch: {
        operationId: "updateKeys",
        tags: ["API Keys"],
        summary: "Change a key",
        requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/Update" } } } },
        responses: { 200: { description: "The key" } },
        security: [{ management_key: ["keys.write"] }, { session: [] }],
      },
    },
  },
  components: {
    schemas: {
      Update: {
        type: "object",
        required: ["name"],
        properties: {
          name: { type: "string" },
          limit: { type: ["number", "null"] },
          ips: { type: "array", items: { type: "string" } },
        },
      },
      Tree: {
        type: "object",
        properties: {
          kind: { enum: ["leaf", "node"] },
          next: { oneOf: [{ $ref: "#/components/schemas/Tree" }, { type: "null" }] },
        },
      },
    },
  },
};

test("operations are told by method, path and who may", () => {
  const [operation] = operationsOf(document);
  expect(operation).toMatchObject({
    id: "updateKeys",
    method: "PATCH",
    tag: "API Keys",
    security: ["management_key (keys.write)", "session"],
  });
  expect(curlOf(operation as NonNullable<typeof operation>, "http://x/api/v1")).toContain(
    '-X PATCH "http://x/api/v1/keys/{hash}"',
  );
});

test("schemas are types to read", () => {
  expect(typeOf({ $ref: "#/components/schemas/Update" }, document)).toBe(
    "{\n  name: string\n  limit?: number | null\n  ips?: string[]\n}",
  );
});

test("a schema within itself ends", () => {
  expect(typeOf({ $ref: "#/components/schemas/Tree" }, document)).toBe(
    '{\n  kind?: "leaf" | "node"\n  next?: Tree | null\n}',
  );
});
