//! Every operation of the served documents, called by everybody: who gets through is what the documents say, and
//! nobody sees or changes what is another organisation's.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use identity::{ApiKey, KeyKind};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use uuid::Uuid;

use super::owner;
use crate::support::Platform;
use crate::support::client::{self, Answer};

pub(super) const PUBLIC: &str = "/api/v1";
pub(super) const OPERATORS: &str = "/admin/v1";
pub(super) const ACCOUNT: &str = "/account/v1";
const ROLES: [&str; 5] = ["owner", "admin", "billing", "developer", "viewer"];

/// One operation of a document.
pub(super) struct Operation {
    base: &'static str,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) said: Value,
}

impl Operation {
    pub(super) async fn all(platform: &Platform, base: &'static str) -> Vec<Self> {
        let document = platform.get(&format!("{base}/openapi.json"), None).await.json();
        let mut all = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, said) in item.as_object().unwrap() {
                let method: Method = method.to_uppercase().parse().unwrap();
                all.push(Self { base, method, path: path.clone(), said: said.clone() });
            }
        }
        all
    }

    pub(super) fn takes(&self, scheme: &str) -> bool {
        self.said["security"].as_array().unwrap().iter().any(|way| way.get(scheme).is_some())
    }

    fn is_public(&self) -> bool {
        self.said["security"].as_array().unwrap().iter().any(|way| way == &json!({}))
    }

    /// With these ids in the places of its parameters, whichever they are.
    pub(super) fn with(&self, id: &str) -> String {
        let pieces = self.path.split('/').map(|piece| if piece.starts_with('{') { id } else { piece });
        format!("{}{}", self.base, pieces.collect::<Vec<_>>().join("/"))
    }

    fn has_ids(&self) -> bool {
        self.path.contains('{')
    }

    /// Whether it makes what its path names.
    fn makes(&self) -> bool {
        self.path.starts_with("/presets/") && self.method == Method::POST
    }

    /// Whether billing is who knows whose a thing is; here that is scripted.
    fn is_billings(&self) -> bool {
        self.path.starts_with("/credits/payments/")
    }

    fn body(&self) -> &'static str {
        if self.method == Method::GET || self.method == Method::DELETE { "" } else { "{}" }
    }

    /// What the documents say becomes of this caller.
    fn expected(&self, caller: &Caller) -> Outcome {
        if self.is_public() {
            return Outcome::Passes;
        }
        let is_operators = self.base == OPERATORS;
        match caller {
            Caller::Nobody | Caller::BadKey(_) => Outcome::Is(401),
            Caller::Key { scheme, .. } if self.takes(scheme) => Outcome::Passes,
            // One side's secrets are nothing on the other.
            Caller::Key { scheme, .. } if is_operators || *scheme == "operator_token" => Outcome::Is(401),
            Caller::Key { .. } => Outcome::Is(403),
            Caller::PlatformAdmin if is_operators => Outcome::Passes,
            Caller::PlatformAdmin => self.of_role("owner"),
            Caller::Member(_) if is_operators => Outcome::Is(403),
            Caller::Member(role) => self.of_role(role),
        }
    }

    fn of_role(&self, role: &str) -> Outcome {
        let allowed = self.said["x-patchbay-roles"].as_array().cloned().unwrap_or_default();
        match self.takes("session") {
            true if allowed.contains(&json!(role)) => Outcome::Passes,
            true => Outcome::Is(403),
            // Who reads keys by itself sees no cookies.
            false => Outcome::IsRefused,
        }
    }
}

/// What a call comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Whatever it is, it is not about who calls.
    Passes,
    Is(u16),
    IsRefused,
}

impl Outcome {
    fn is_met_by(self, status: StatusCode) -> bool {
        let is_refused = matches!(status.as_u16(), 401 | 403);
        match self {
            Self::Passes => !is_refused,
            Self::Is(code) => status.as_u16() == code,
            Self::IsRefused => is_refused,
        }
    }
}

/// Who calls.
#[derive(Debug, Clone)]
pub(super) enum Caller {
    Nobody,
    BadKey(String),
    Key { scheme: &'static str, secret: String },
    Member(&'static str),
    PlatformAdmin,
}

/// Everybody of one organisation, and those of none.
pub(super) struct People<'a> {
    platform: &'a Platform,
    database: PgPool,
    ids: BTreeMap<&'static str, Uuid>,
}

impl<'a> People<'a> {
    pub(super) async fn of(platform: &'a Platform) -> Self {
        let database = owner(platform).await;
        let mut ids = BTreeMap::new();
        for role in ROLES.into_iter().chain(["platform"]) {
            let statement = "with person as (
                    insert into identity.person (id, email, is_platform_admin)
                    values ($1, $2 || '@matrix.example.com', $2 = 'platform') returning id)
                insert into identity.member (tenant_id, person_id, role)
                select $3, id, case $2 when 'platform' then 'owner' else $2 end from person";
            let id = Uuid::now_v7();
            sqlx::query(statement)
                .bind(id)
                .bind(role)
                .bind(platform.tenant.uuid())
                .execute(&database)
                .await
                .unwrap();
            ids.insert(role, id);
        }
        Self { platform, database, ids }
    }

    fn all(&self) -> Vec<Caller> {
        let demo = &self.platform.demo;
        let key = |scheme, secret: &str| Caller::Key { scheme, secret: secret.to_owned() };
        let mut all = vec![
            Caller::Nobody,
            Caller::BadKey("no key".to_owned()),
            Caller::BadKey(ApiKey::generate(KeyKind::Inference).expose().to_owned()),
            Caller::BadKey(ApiKey::generate(KeyKind::Management).expose().to_owned()),
            key("inference_key", demo.api_key.expose()),
            key("management_key", demo.management_key.expose()),
            key("operator_token", demo.admin_token.expose()),
            Caller::PlatformAdmin,
        ];
        all.extend(ROLES.map(Caller::Member));
        all
    }

    /// A session of its own for each call: one of the operations may end it.
    async fn sign_in(&self, role: &str) -> String {
        let secret = Uuid::new_v4().to_string();
        let statement = "insert into identity.session (id, hash, person_id, tenant_id, expires_at)
            values (gen_random_uuid(), $1, $2, $3, now() + interval '1 hour')";
        sqlx::query(statement)
            .bind(Sha256::digest(&secret).as_slice())
            .bind(self.ids[role])
            .bind(self.platform.tenant.uuid())
            .execute(&self.database)
            .await
            .unwrap();
        secret
    }

    async fn call(&self, caller: &Caller, operation: &Operation, path: &str) -> Answer {
        self.send_as(caller, operation, path, operation.body()).await
    }

    pub(super) async fn send_as(
        &self,
        caller: &Caller,
        operation: &Operation,
        path: &str,
        body: &str,
    ) -> Answer {
        let role = match caller {
            Caller::Nobody => return self.send(operation, path, &[], body).await,
            Caller::BadKey(secret) | Caller::Key { secret, .. } => {
                let bearer = format!("Bearer {secret}");
                return self.send(operation, path, &[("authorization", &bearer)], body).await;
            }
            Caller::Member(role) => role,
            Caller::PlatformAdmin => "platform",
        };
        let secret = self.sign_in(role).await;
        let cookie = format!("__Host-patchbay={secret}");
        let token = hex::encode(Sha256::new().chain_update("csrf:").chain_update(&secret).finalize());
        self.send(operation, path, &[("cookie", &cookie), ("x-csrf-token", &token)], body).await
    }

    async fn send(&self, operation: &Operation, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let answer =
            client::send(self.platform.address, operation.method.clone(), path, headers, body.to_owned());
        let answer = answer.await;
        if answer.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream") {
            // It goes on for ever.
            let (status, headers) = (answer.status(), answer.headers().clone());
            return Answer { status, headers, body: bytes::Bytes::new() };
        }
        client::whole(answer).await
    }
}

#[tokio::test]
async fn everybody_gets_through_where_the_documents_say_so_and_nowhere_else() {
    let platform = Platform::start().await;
    let people = People::of(&platform).await;
    let mut wrong = Vec::new();
    for base in [PUBLIC, OPERATORS] {
        for operation in Operation::all(&platform, base).await {
            let path = operation.with(&Uuid::now_v7().to_string());
            for caller in people.all() {
                // A key that is shown has to be in force, also where none is needed.
                if operation.is_public() && !matches!(caller, Caller::Nobody) {
                    continue;
                }
                let (expected, status) =
                    (operation.expected(&caller), people.call(&caller, &operation, &path).await.status);
                if !expected.is_met_by(status) {
                    wrong.push(format!(
                        "{} {path} as {caller:?}: {status}, not {expected:?}",
                        operation.method
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    platform.stop().await;
}

/// How something of each kind is made by path, to be looked for by another organisation.
const MADE: [(&str, &str); 5] = [
    ("/workspaces", r#"{"name":"Not yours","slug":"not-yours"}"#),
    ("/keys", r#"{"name":"Not yours"}"#),
    ("/guardrails", r#"{"name":"Not yours"}"#),
    ("/byok", r#"{"provider":"openai","key":"sk-not-yours","name":"Not yours"}"#),
    (
        "/observability/destinations",
        r#"{"type":"webhook","name":"Not yours","enabled":false,"config":{"url":"https://not-yours.example.com"}}"#,
    ),
];

/// Another organisation, with something of each kind.
struct Stranger {
    tenant: Uuid,
    /// Ids by the path of the list they are in.
    ids: Vec<(&'static str, String)>,
}

impl Stranger {
    async fn of(platform: &Platform, operations: &[Operation]) -> Self {
        let database = owner(platform).await;
        let statement = "select id from identity.organisation where id <> $1 limit 1";
        let tenant: Uuid =
            sqlx::query_scalar(statement).bind(platform.tenant.uuid()).fetch_one(&database).await.unwrap();
        let path = format!("/tenants/{tenant}/keys");
        let made =
            platform.admin(Method::POST, &path, r#"{"name":"manage","kind":"management"}"#).await.json();
        let key = made["key"].as_str().unwrap().to_owned();
        let workspace: Uuid =
            sqlx::query_scalar("select id from identity.workspace where tenant_id = $1 and slug = 'default'")
                .bind(tenant)
                .fetch_one(&database)
                .await
                .unwrap();
        let mut ids = vec![
            ("/workspaces", workspace.to_string()),
            ("/keys", made["data"]["hash"].as_str().unwrap().to_owned()),
        ];
        for (path, body) in MADE {
            let is_served = operations.iter().any(|one| one.path == path && one.method == Method::POST);
            if !is_served {
                continue;
            }
            let answer = platform.call(Method::POST, &format!("{PUBLIC}{path}"), Some(&key), body).await;
            assert!(answer.status.is_success(), "{path}: {}", answer.text());
            let data = &answer.json()["data"];
            let id = data["hash"].as_str().or(data["id"].as_str()).unwrap();
            ids.push((path, id.to_owned()));
        }
        let body = r#"{"model":"acme/echo","messages":[{"role":"system","content":"Not yours"}]}"#;
        let path = format!("{PUBLIC}/presets/not-yours/chat/completions");
        let key = platform.demo.markup_api_key.expose();
        assert_eq!(platform.call(Method::POST, &path, Some(key), body).await.status, 200);
        ids.push(("/presets", "not-yours".to_owned()));
        Self { tenant, ids }
    }

    /// What there is of it, table by table, but for when its keys were last used.
    async fn rows(&self, database: &PgPool) -> BTreeMap<String, String> {
        let tables: Vec<String> = sqlx::query_scalar(
            "select c.table_name::text from information_schema.columns c
             join information_schema.tables t using (table_schema, table_name)
             where c.table_schema = 'identity' and c.column_name = 'tenant_id' and t.table_type = 'BASE TABLE'",
        )
        .fetch_all(database)
        .await
        .unwrap();
        assert!(tables.len() > 5, "{tables:?}");
        // Links of the record of changes are made behind whoever changes something.
        let tables = tables.into_iter().filter(|table| table != "audit_link");
        let mut rows = BTreeMap::new();
        for table in tables {
            let statement = format!(
                "select count(*) || ' ' || coalesce(md5(string_agg(row, '' order by row)), '')
                 from (select (to_jsonb(t) - 'last_used_at')::text as row from identity.{table} t
                       where tenant_id = $1) rows"
            );
            let sum: String = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
                .bind(self.tenant)
                .fetch_one(database)
                .await
                .unwrap();
            rows.insert(table, sum);
        }
        rows
    }
}

#[tokio::test]
async fn what_is_anothers_is_not_there_and_stays_as_it_is() {
    let platform = Platform::start().await;
    let people = People::of(&platform).await;
    let mut operations = Operation::all(&platform, PUBLIC).await;
    // Last what makes things of our own by the names that others' are looked for by.
    operations.sort_by_key(Operation::makes);
    let stranger = Stranger::of(&platform, &operations).await;
    let before = stranger.rows(&people.database).await;
    let callers = people.all();
    let mut wrong = Vec::new();
    for operation in operations.iter().filter(|one| !one.is_public() && !one.is_billings()) {
        let theirs = stranger.ids.iter().filter(|(list, _)| operation.path.starts_with(&format!("{list}/")));
        let theirs = theirs.map(|(_, id)| id.clone());
        let ids: Vec<String> = theirs.chain([Uuid::now_v7().to_string(), hex::encode([7; 32])]).collect();
        let ids = if operation.has_ids() { ids } else { vec![String::new()] };
        for caller in callers.iter().filter(|caller| operation.expected(caller) == Outcome::Passes) {
            for id in &ids {
                let path = operation.with(id);
                let answer = people.call(caller, operation, &path).await;
                let text = String::from_utf8_lossy(&answer.body);
                let shows = text.contains(&stranger.tenant.to_string()) || text.contains("Not yours");
                let status = answer.status.as_u16();
                // What changes something may be refused for its empty body before it is looked for.
                let reads = matches!(operation.method, Method::GET | Method::DELETE);
                let is_there = operation.has_ids() && !(status == 404 || (!reads && status == 400));
                if shows || status >= 500 || (is_there && !operation.makes()) {
                    wrong.push(format!("{} {path} as {caller:?}: {status} {text:.200}", operation.method));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(stranger.rows(&people.database).await, before, "another organisation's rows");
    platform.stop().await;
}
