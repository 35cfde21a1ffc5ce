//! Every operation of the served documents that changes something: what it does is written down once, what is refused
//! is not written down at all.

use http::Method;
use serde_json::json;
use uuid::Uuid;

use super::matrix::{OPERATORS, Operation, PUBLIC};
use super::owner;
use crate::support::Platform;

/// Operations that are no changes, whatever their method is.
const READS: [&str; 2] = ["verifySeals", "replayDecisions"];

/// Bodies with which operations succeed; the others are sent an empty one, which most refuse.
const BODIES: [(&str, &str); 12] = [
    ("createWorkspace", r#"{"name":"New","slug":"new"}"#),
    ("updateWorkspace", r#"{"name":"Other"}"#),
    ("createKeys", r#"{"name":"New"}"#),
    ("updateKeys", r#"{"name":"Other"}"#),
    ("createGuardrail", r#"{"name":"New"}"#),
    ("createBYOKKey", r#"{"provider":"openai","key":"sk-new","name":"New"}"#),
    ("createTenant", r#"{"name":"New","slug":"new"}"#),
    ("createTenantKey", r#"{"name":"New"}"#),
    ("updateKey", r#"{"name":"Other"}"#),
    ("putFlag", r#"{"is_on":true}"#),
    ("putTenantFlag", r#"{"is_on":false}"#),
    ("upsertWorkspaceBudget", r#"{"limit_usd":10}"#),
];

impl Operation {
    fn id(&self) -> &str {
        self.said["operationId"].as_str().unwrap()
    }

    fn changes(&self) -> bool {
        self.method != Method::GET && !READS.contains(&self.id())
    }

    fn sent(&self) -> &'static str {
        let known = BODIES.iter().find(|(id, _)| *id == self.id()).map(|(_, body)| *body);
        known.unwrap_or(if self.method == Method::DELETE { "" } else { "{}" })
    }

    /// The path of something that there is, where there is one.
    fn place(&self, base: &str, tenant: &str, key: &str) -> String {
        let path = self.path.replace("{tenant}", tenant).replace("{hash}", key).replace("{name}", "own_keys");
        let path = path.replace("/workspaces/{id}", "/workspaces/default").replace("{interval}", "monthly");
        let other = Uuid::now_v7().to_string();
        let pieces = path.split('/').map(|piece| if piece.starts_with('{') { &other } else { piece });
        format!("{base}{}", pieces.collect::<Vec<_>>().join("/"))
    }
}

#[tokio::test]
async fn what_is_done_is_written_down_once_and_what_is_refused_is_not() {
    let platform = Platform::start().await;
    let database = owner(&platform).await;
    let written = async || -> i64 {
        let count = sqlx::query_scalar("select count(*) from identity.audit_log");
        count.fetch_one(&database).await.unwrap()
    };
    let (mut done, mut wrong) = (0, Vec::new());
    for (base, scheme, secret) in [
        (PUBLIC, "management_key", platform.demo.management_key.expose()),
        (OPERATORS, "operator_token", platform.demo.admin_token.expose()),
    ] {
        let operations = Operation::all(&platform, base).await;
        for operation in operations.iter().filter(|one| one.changes() && one.takes(scheme)) {
            let keys = format!("/tenants/{}/keys", platform.tenant);
            let key = platform.admin(Method::POST, &keys, &json!({ "name": "a" }).to_string()).await.json();
            let key = key["data"]["hash"].as_str().unwrap().to_owned();
            let path = operation.place(base, &platform.tenant.to_string(), &key);
            let before = written().await;
            let answer = platform.call(operation.method.clone(), &path, Some(secret), operation.sent()).await;
            let expected = i64::from(answer.status.is_success());
            let rows = written().await - before;
            done += expected;
            if rows != expected {
                wrong.push(format!("{} {path}: {}, {rows} rows", operation.id(), answer.status));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(done >= 20, "only {done} of the operations did something");
    platform.stop().await;
}
