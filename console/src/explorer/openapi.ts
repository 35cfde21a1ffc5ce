// What a page of reference needs of an OpenAPI document.

type Json = Record<string, unknown>;

export interface Document {
  info: { title: string; version: string };
  servers?: { url: string }[];
  paths: Record<string, Json>;
  components?: { schemas?: Record<string, Json> };
}

export interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Json;
}

export interface Operation {
  id: string;
  method: string;
  path: string;
  tag: string;
  summary: string;
  description: string;
  parameters: Parameter[];
  /** The schema of a JSON body. */
  body: Json | null;
  responses: { status: string; description: string; schema: Json | null }[];
  /** Who may: `session (keys.read)`; empty = anybody. */
  security: string[];
}

const METHODS = ["get", "post", "put", "patch", "delete"];
const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const text = (value: unknown): string => (typeof value === "string" ? value : "");

function jsonSchema(of: unknown): Json | null {
  const content = isObject(of) && isObject(of["content"]) ? of["content"]["application/json"] : null;
  return isObject(content) && isObject(content["schema"]) ? content["schema"] : null;
}

function operation(method: string, path: string, raw: Json): Operation {
  const responses = isObject(raw["responses"]) ? Object.entries(raw["responses"]) : [];
  const security = Array.isArray(raw["security"]) ? (raw["security"] as Record<string, string[]>[]) : [];
  return {
    id: text(raw["operationId"]) || `${method} ${path}`,
    method: method.toUpperCase(),
    path,
    tag: Array.isArray(raw["tags"]) ? text(raw["tags"][0]) || "Other" : "Other",
    summary: text(raw["summary"]),
    description: text(raw["description"]),
    parameters: Array.isArray(raw["parameters"]) ? (raw["parameters"] as Parameter[]) : [],
    body: jsonSchema(raw["requestBody"]),
    responses: responses.map(([status, response]) => ({
      status,
      description: isObject(response) ? text(response["description"]) : "",
      schema: jsonSchema(response),
    })),
    security: security.flatMap((one) =>
      Object.entries(one).map(([name, scopes]) =>
        scopes.length === 0 ? name : `${name} (${scopes.join(", ")})`,
      ),
    ),
  };
}

export function operationsOf(document: Document): Operation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => isObject(item[method])).map((method) =>
      operation(method, path, item[method] as Json),
    ),
  );
}

const DEEPEST = 5;

function resolved(schema: Json, document: Document): { schema: Json; name: string | null } {
  const reference = text(schema["$ref"]);
  if (reference === "") return { schema, name: null };
  const name = reference.split("/").at(-1) ?? "";
  return { schema: document.components?.schemas?.[name] ?? {}, name };
}

/** A schema as a type to read, a member a line. Schemas within themselves are told by their names. */
export function typeOf(
  schema: Json | undefined,
  document: Document,
  depth = 0,
  seen: readonly string[] = [],
): string {
  if (schema === undefined) return "any";
  const { schema: own, name } = resolved(schema, document);
  if (name !== null && (seen.includes(name) || depth > DEEPEST)) return name;
  const inside = (other: unknown, deeper = depth) =>
    typeOf(isObject(other) ? other : undefined, document, deeper, name === null ? seen : [...seen, name]);
  const union = own["oneOf"] ?? own["anyOf"];
  if (Array.isArray(union)) return union.map((one) => inside(one)).join(" | ");
  if (Array.isArray(own["allOf"])) return own["allOf"].map((one) => inside(one)).join(" & ");
  if (Array.isArray(own["enum"])) return own["enum"].map((one) => JSON.stringify(one)).join(" | ");
  if (isObject(own["properties"])) {
    const pad = "  ".repeat(depth + 1);
    const required = Array.isArray(own["required"]) ? own["required"] : [];
    const members = Object.entries(own["properties"]).map(
      ([member, of]) => `${pad}${member}${required.includes(member) ? "" : "?"}: ${inside(of, depth + 1)}`,
    );
    return members.length === 0 ? "{}" : `{\n${members.join("\n")}\n${"  ".repeat(depth)}}`;
  }
  const types = Array.isArray(own["type"]) ? own["type"].map(text) : [text(own["type"]) || "any"];
  return types.map((type) => (type === "array" ? `${inside(own["items"])}[]` : type)).join(" | ");
}

/** A call as a line for a shell. */
export function curlOf(operation: Operation, base: string): string {
  const body = operation.body === null ? "" : ` \\\n  -H "Content-Type: application/json" -d '{}'`;
  const method = operation.method === "GET" ? "" : `-X ${operation.method} `;
  return `curl ${method}"${base}${operation.path}" \\\n  -H "Authorization: Bearer $KEY"${body}`;
}
