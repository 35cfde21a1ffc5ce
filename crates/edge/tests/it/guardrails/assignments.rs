//! Assigning guardrails to keys and members.

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{LIST, audited, made, manage, one, owner, read};
use crate::support::Platform;
use crate::support::specification::Specification;

/// A member of the organisation.
pub(super) async fn member(platform: &Platform) -> Uuid {
    let person = Uuid::now_v7();
    sqlx::query(
        "with person as (insert into identity.person (id, email) values ($1, $1 || '@example.com'))
         insert into identity.member (tenant_id, person_id, role) values ($2, $1, 'developer')",
    )
    .bind(person)
    .bind(platform.tenant.uuid())
    .execute(&owner(platform).await)
    .await
    .unwrap();
    person
}

/// What came of assigning or unassigning.
async fn post(platform: &Platform, id: &Value, path: &str, body: Value) -> Value {
    let path = format!("{}/assignments/{path}", one(id));
    let answer = manage(platform, Method::POST, &path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn a_key_has_one_guardrail_and_the_last_one_assigned() {
    let platform = Platform::start().await;
    let (first, second) =
        (made(&platform, json!({ "name": "a" })).await, made(&platform, json!({ "name": "b" })).await);
    let hashes: Vec<String> =
        [&platform.demo.api_key, &platform.demo.management_key].map(|key| key.hash().to_string()).into();
    let both = json!({ "key_hashes": [hashes[0], hashes[1], hashes[0]] });
    let assigned = post(&platform, &first["id"], "keys", both.clone()).await;
    assert_eq!(assigned, json!({ "assigned_count": 2 }));
    let only = json!({ "key_hashes": [hashes[0]] });
    assert_eq!(post(&platform, &second["id"], "keys", only.clone()).await["assigned_count"], 1);

    let of = |id: &Value| format!("{}/assignments/keys", one(id));
    let of_first = read(&platform, &of(&first["id"])).await;
    assert_eq!((&of_first["total_count"], &of_first["data"][0]["key_hash"]), (&json!(1), &json!(hashes[1])));
    let of_second = read(&platform, &of(&second["id"])).await;
    assert_eq!(of_second["data"][0]["key_hash"], json!(hashes[0]));
    assert_eq!(
        (&of_second["data"][0]["guardrail_id"], &of_second["data"][0]["assigned_by"]),
        (&second["id"], &Value::Null)
    );
    let all = read(&platform, &format!("{LIST}/assignments/keys")).await;
    assert_eq!((&all["total_count"], &all["data"][0]), (&json!(2), &of_second["data"][0]));
    let page = read(&platform, &format!("{LIST}/assignments/keys?offset=1&limit=1")).await;
    assert_eq!((&page["total_count"], &page["data"][0]), (&json!(2), &of_first["data"][0]));

    let removed = post(&platform, &first["id"], "keys/remove", both).await;
    assert_eq!(removed, json!({ "unassigned_count": 1 }), "the other one is no longer its");
    assert_eq!(manage(&platform, Method::DELETE, &one(&second["id"]), &Value::Null).await.status, 200);
    assert_eq!(read(&platform, &format!("{LIST}/assignments/keys")).await["total_count"], 0);

    let path = of(&first["id"]);
    for (body, status) in [
        (json!({ "key_hashes": [] }), 400),
        (json!({}), 400),
        (json!({ "key_hashes": ["x"] }), 404),
        (json!({ "key_hashes": [hashes[0], "00".repeat(32)] }), 404),
    ] {
        assert_eq!(manage(&platform, Method::POST, &path, &body).await.error().0, status, "{body}");
        let remove = format!("{path}/remove");
        assert_eq!(manage(&platform, Method::POST, &remove, &body).await.error().0, status, "{body}");
    }
    let nowhere = of(&json!(Uuid::now_v7()));
    assert_eq!(manage(&platform, Method::POST, &nowhere, &only).await.error().0, 404);
    assert_eq!(manage(&platform, Method::GET, &nowhere, &Value::Null).await.error().0, 404);
    assert_eq!(read(&platform, &path).await["total_count"], 0, "all or none");
    if let Some(specification) = Specification::find() {
        specification.check("get", "/guardrails/assignments/keys", &all);
        specification.check("get", "/guardrails/{id}/assignments/keys", &of_first);
        specification.check("post", "/guardrails/{id}/assignments/keys", &assigned);
        specification.check("post", "/guardrails/{id}/assignments/keys/remove", &removed);
    }
    let actions = ["create", "create", "assign", "assign", "unassign", "delete"];
    assert_eq!(audited(&platform).await, actions.map(|what| format!("guardrail.{what}")));
    platform.stop().await;
}

#[tokio::test]
async fn a_member_has_one_guardrail_until_they_leave() {
    let platform = Platform::start().await;
    let (first, second) =
        (made(&platform, json!({ "name": "a" })).await, made(&platform, json!({ "name": "b" })).await);
    let people = [member(&platform).await, member(&platform).await];
    let both = json!({ "member_user_ids": people });
    let assigned = post(&platform, &first["id"], "members", both.clone()).await;
    assert_eq!(assigned, json!({ "assigned_count": 2 }));
    post(&platform, &second["id"], "members", json!({ "member_user_ids": [people[0]] })).await;
    let of = |id: &Value| format!("{}/assignments/members", one(id));
    let of_first = read(&platform, &of(&first["id"])).await;
    let row = &of_first["data"][0];
    assert_eq!((&of_first["total_count"], &row["user_id"]), (&json!(1), &json!(people[1])));
    assert_eq!(row["organization_id"], platform.tenant.to_string());
    let all = read(&platform, &format!("{LIST}/assignments/members")).await;
    assert_eq!(all["total_count"], 2);
    let removed = post(&platform, &first["id"], "members/remove", both).await;
    assert_eq!(removed, json!({ "unassigned_count": 1 }));
    let nobody = json!({ "member_user_ids": [people[0], Uuid::now_v7()] });
    let path = of(&first["id"]);
    assert_eq!(manage(&platform, Method::POST, &path, &nobody).await.error().0, 404);
    sqlx::query("delete from identity.member").execute(&owner(&platform).await).await.unwrap();
    assert_eq!(read(&platform, &format!("{LIST}/assignments/members")).await["total_count"], 0);
    let gone = json!({ "member_user_ids": [people[0]] });
    assert_eq!(manage(&platform, Method::POST, &path, &gone).await.error().0, 404);
    if let Some(specification) = Specification::find() {
        specification.check("get", "/guardrails/assignments/members", &all);
        specification.check("get", "/guardrails/{id}/assignments/members", &of_first);
        specification.check("post", "/guardrails/{id}/assignments/members", &assigned);
        specification.check("post", "/guardrails/{id}/assignments/members/remove", &removed);
    }
    platform.stop().await;
}
