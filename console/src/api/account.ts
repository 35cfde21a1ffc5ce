// The shapes of the people's own API, below `/account/v1`, whose document is docs/reference/account-openapi.json. These
// few are written by hand, in the form that the generator gives the others.

export type Role = "owner" | "admin" | "billing" | "developer" | "viewer";

export interface User {
  id: string;
  email: string;
  name: string;
  is_platform_admin: boolean;
  has_password: boolean;
}

export interface Membership {
  id: string;
  slug: string;
  name: string;
  role: Role;
}

export interface Session {
  session_id: string;
  csrf_token: string;
  user: User;
  organization: Membership | null;
  organizations: Membership[];
  /** What the role allows in the organisation, as operations name it; older platforms do not say. */
  actions?: string[];
}

export interface ListedSession {
  id: string;
  is_current: boolean;
  organization_id: string | null;
  created_at: string;
  last_seen_at: string;
  expires_at: string;
  user_agent: string;
  address: string;
}

export interface Invitation {
  id: string;
  email: string;
  role: Role;
  workspaces: string[];
  invited_by: string;
  created_at: string;
  expires_at: string;
}

export type GenerationStatus = "ok" | "error" | "partial" | "cancelled";

export interface ListedGeneration {
  id: string;
  created_at: string;
  status: GenerationStatus;
  model: string | null;
  /** As it is shown. */
  provider: string | null;
  key: { id: string; hash: string | null; name: string | null } | null;
  workspace_id: string;
  person: { id: string; name: string | null } | null;
  tokens_prompt: number;
  tokens_completion: number;
  tokens_reasoning: number;
  tokens_cached: number;
  /** USD that were charged. */
  cost: number;
  /** USD at list price, which the organisation's own provider key paid. */
  byok_cost: number;
  is_byok: boolean;
  /** Milliseconds to the first content. */
  ttft_ms: number;
  /** Milliseconds to the last. */
  latency_ms: number;
  attempts: number;
  streamed: boolean;
  finish_reason: string | null;
  app: string | null;
  session_id: string | null;
  external_user: string | null;
}

export interface GenerationsQuery {
  from?: string;
  to?: string;
  workspace?: string;
  key?: string;
  model?: string;
  provider?: string;
  person?: string;
  status?: GenerationStatus;
  limit?: number;
  cursor?: string;
}

export interface AuditChange {
  id: string;
  at: string;
  actor: string;
  action: string;
  target: string;
  details: Record<string, unknown>;
}

interface Json<T> {
  headers: Record<string, unknown>;
  content: { "application/json": T };
}
interface Nothing {
  headers: Record<string, unknown>;
  content?: never;
}
interface Failure {
  error: { code: number; message: string; metadata?: Record<string, unknown> | null };
}
interface Asked<Query = never> {
  query?: Query;
  header?: never;
  path?: never;
  cookie?: never;
}
interface OfOne {
  query?: never;
  header?: never;
  path: { id: string };
  cookie?: never;
}
interface Operation<Answer, Body = never, Parameters = Asked> {
  parameters: Parameters;
  requestBody?: [Body] extends [never] ? never : { content: { "application/json": Body } };
  responses: { 200: Answer; default: Json<Failure> };
}
type Data<T> = Json<{ data: T }>;

export interface paths {
  "/sign-in": { post: Operation<Data<Session>, { email: string; password: string }> };
  "/sign-out": { post: Operation<Nothing> };
  "/session": { get: Operation<Data<Session>> };
  "/session/organization": { put: Operation<Data<Session>, { organization_id: string }> };
  "/sessions": { get: Operation<Data<ListedSession[]>>; delete: Operation<Nothing> };
  "/sessions/{id}": { delete: Operation<Json<{ deleted: boolean }>, never, OfOne> };
  "/me": { patch: Operation<Data<Session>, { name: string }> };
  "/me/password": { put: Operation<Nothing, { old_password: string; new_password: string }> };
  "/password-reset": { post: Operation<Nothing, { email: string }> };
  "/invitations": {
    get: Operation<
      Json<{ data: Invitation[]; total_count: number }>,
      never,
      Asked<{ offset?: number; limit?: number }>
    >;
    post: Operation<Data<Invitation>, { email: string; role: Role; workspaces?: string[] }>;
  };
  "/invitations/{id}": { delete: Operation<Json<{ deleted: boolean }>, never, OfOne> };
  "/generations": {
    get: Operation<Json<{ data: ListedGeneration[]; next: string | null }>, never, Asked<GenerationsQuery>>;
  };
  "/audit": {
    get: Operation<
      Json<{ data: AuditChange[]; next: string | null }>,
      never,
      Asked<{ after?: string; limit?: number }>
    >;
  };
}
