//! Members of the organisation and of its workspaces.

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::Platform;
use crate::support::client::Answer;
use crate::support::people::{Person, audited, manage, owner};
use crate::support::specification::Specification;

async fn bulk(platform: &Platform, workspace: &str, action: &str, people: &[Uuid]) -> Answer {
    let body = json!({ "user_ids": people }).to_string();
    manage(platform, Method::POST, &format!("/workspaces/{workspace}/members/{action}"), &body).await
}

async fn roles(platform: &Platform, workspace: &str) -> Vec<(String, String)> {
    let path = format!("/workspaces/{workspace}/members");
    let listed = manage(platform, Method::GET, &path, "").await.json();
    let rows = listed["data"].as_array().unwrap();
    assert_eq!(listed["total_count"], rows.len());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.iter().map(|row| (text(&row["user_id"]), text(&row["role"]))).collect()
}

/// Says that a member made the demo key.
async fn made_the_key(platform: &Platform, person: &Person) {
    sqlx::query(
        "update identity.api_key set creator_person_id = $2 where tenant_id = $1 and kind = 'inference'",
    )
    .bind(platform.tenant.uuid())
    .bind(person.id)
    .execute(&owner(platform).await)
    .await
    .unwrap();
}

/// A platform whose demo organisation has no members yet, not even the first administrator.
async fn nobodys() -> Platform {
    let platform = Platform::start().await;
    sqlx::query("delete from identity.member").execute(&owner(&platform).await).await.unwrap();
    platform
}

#[tokio::test]
async fn members_are_listed_in_the_public_shape() {
    let platform = nobodys().await;
    let ada = Person::join(&platform, "ada", "owner").await;
    let bob = Person::join(&platform, "bob", "viewer").await;
    let listed = manage(&platform, Method::GET, "/organization/members", "").await.json();
    let expected = json!({ "total_count": 2, "data": [
        { "id": ada.id, "email": "ada@example.com", "first_name": "Ada", "last_name": "Lee", "role": "org:admin",
          "organization_role": "owner" },
        { "id": bob.id, "email": "bob@example.com", "first_name": "Bob", "last_name": "Lee", "role": "org:member",
          "organization_role": "viewer" },
    ] });
    assert_eq!(listed, expected);
    let page = manage(&platform, Method::GET, "/organization/members?offset=1&limit=1", "").await.json();
    assert_eq!((&page["total_count"], &page["data"]), (&json!(2), &json!([expected["data"][1]])));
    assert_eq!(manage(&platform, Method::GET, "/organization/members?limit=101", "").await.error().0, 400);
    let everybody = manage(&platform, Method::GET, "/workspaces/default/members", "").await.json();
    assert_eq!(everybody["total_count"], 2);
    if let Some(specification) = Specification::find() {
        specification.check("get", "/organization/members", &listed);
        specification.check("get", "/workspaces/{id}/members", &everybody);
    }
    platform.stop().await;
}

#[tokio::test]
async fn members_join_and_leave_a_workspace() {
    let platform = Platform::start().await;
    let ada = Person::join(&platform, "ada", "admin").await;
    let bob = Person::join(&platform, "bob", "developer").await;
    let made = manage(&platform, Method::POST, "/workspaces", r#"{"name":"Team","slug":"team"}"#).await;
    assert_eq!(made.status, 201);
    assert_eq!(roles(&platform, "team").await, []);

    let added = bulk(&platform, "team", "add", &[ada.id, bob.id, bob.id]).await.json();
    assert_eq!((&added["added_count"], added["data"].as_array().map(Vec::len)), (&json!(2), Some(2)));
    let both = [(ada.id.to_string(), "admin".to_owned()), (bob.id.to_string(), "member".to_owned())];
    assert_eq!(roles(&platform, "team").await, both);
    assert_eq!(bulk(&platform, "team", "add", &[bob.id]).await.json()["added_count"], 1, "renewed");
    let default = bulk(&platform, "default", "add", &[bob.id]).await.json();
    assert_eq!((&default["added_count"], &default["data"][0]["role"]), (&json!(0), &json!("member")));

    // Whoever made keys in it that live cannot go, and nobody goes with them.
    made_the_key(&platform, &bob).await;
    let moved =
        "update identity.api_key set workspace_id = (select id from identity.workspace where slug = 'team')
                 where creator_person_id is not null";
    sqlx::query(moved).execute(&owner(&platform).await).await.unwrap();
    let refused = bulk(&platform, "team", "remove", &[ada.id, bob.id]).await;
    assert_eq!(refused.error().0, 400);
    assert!(refused.text().contains(&bob.id.to_string()) && !refused.text().contains(&ada.id.to_string()));
    assert_eq!(roles(&platform, "team").await, both);
    sqlx::query("update identity.api_key set deleted_at = now() where creator_person_id is not null")
        .execute(&owner(&platform).await)
        .await
        .unwrap();
    let removed = bulk(&platform, "team", "remove", &[ada.id, bob.id]).await.json();
    assert_eq!(removed, json!({ "removed_count": 2 }));
    assert_eq!(bulk(&platform, "team", "remove", &[ada.id]).await.json()["removed_count"], 0);
    assert_eq!(bulk(&platform, "default", "remove", &[ada.id]).await.error().0, 400);
    if let Some(specification) = Specification::find() {
        specification.check("post", "/workspaces/{id}/members/add", &added);
        specification.check("post", "/workspaces/{id}/members/remove", &removed);
    }
    platform.stop().await;
}

#[tokio::test]
async fn people_who_are_no_members_cannot_be_added_or_removed() {
    let platform = Platform::start().await;
    let ada = Person::join(&platform, "ada", "admin").await;
    let eve = Person::join(&platform, "eve", "admin").await;
    sqlx::query(
        "update identity.member set tenant_id = (select id from identity.organisation where id <> $1 limit 1)
         where person_id = $2",
    )
    .bind(platform.tenant.uuid())
    .bind(eve.id)
    .execute(&owner(&platform).await)
    .await
    .unwrap();
    manage(&platform, Method::POST, "/workspaces", r#"{"name":"Team","slug":"team"}"#).await;
    for action in ["add", "remove"] {
        for stranger in [eve.id, Uuid::now_v7()] {
            assert_eq!(bulk(&platform, "team", action, &[ada.id, stranger]).await.error().0, 404);
        }
        let path = format!("/workspaces/team/members/{action}");
        let named = json!({ "user_ids": ["nobody"] }).to_string();
        assert_eq!(manage(&platform, Method::POST, &path, &named).await.error().0, 404);
        assert_eq!(bulk(&platform, "team", action, &[]).await.error().0, 400);
        assert_eq!(bulk(&platform, "team", action, &[ada.id; 101]).await.error().0, 400);
    }
    assert_eq!(roles(&platform, "team").await, []);
    for id in [eve.id.to_string(), Uuid::now_v7().to_string(), "nobody".to_owned()] {
        let path = format!("/organization/members/{id}");
        let body = r#"{"role":"viewer"}"#;
        assert_eq!(manage(&platform, Method::PATCH, &path, body).await.error().0, 404);
        assert_eq!(manage(&platform, Method::DELETE, &path, "").await.error().0, 404);
    }
    platform.stop().await;
}

#[tokio::test]
async fn roles_are_changed_by_admins_and_ownership_by_owners() {
    let platform = nobodys().await;
    let ada = Person::join(&platform, "ada", "owner").await;
    let bob = Person::join(&platform, "bob", "developer").await;
    let cat = Person::join(&platform, "cat", "admin").await;
    manage(&platform, Method::POST, "/workspaces", r#"{"name":"Team","slug":"team"}"#).await;
    bulk(&platform, "team", "add", &[bob.id]).await;
    let path = |of: &Person| format!("/organization/members/{}", of.id);
    let role = |role: &str| json!({ "role": role }).to_string();

    for person in [&bob, &cat] {
        let own = person.call(&platform, Method::PATCH, &path(person), &role("owner")).await;
        assert_eq!(own.error().0, 403, "nobody makes themselves an owner");
    }
    assert_eq!(manage(&platform, Method::PATCH, &path(&bob), &role("owner")).await.error().0, 403);
    let changed = manage(&platform, Method::PATCH, &path(&bob), &role("admin")).await.json();
    assert_eq!(
        (&changed["data"]["role"], &changed["data"]["organization_role"]),
        (&json!("org:admin"), &json!("admin"))
    );
    assert_eq!(roles(&platform, "team").await[0].1, "admin", "in their workspaces, too");
    for body in [role("boss"), "{}".to_owned(), r#"{"role":"viewer","x":1}"#.to_owned()] {
        assert_eq!(manage(&platform, Method::PATCH, &path(&bob), &body).await.error().0, 400, "{body}");
    }
    // The last owner stays one.
    for answer in [
        ada.call(&platform, Method::PATCH, &path(&ada), &role("admin")).await,
        ada.call(&platform, Method::DELETE, &path(&ada), "").await,
    ] {
        assert_eq!(answer.error().0, 400);
        assert!(answer.text().contains("last owner"), "{}", answer.text());
    }
    assert_eq!(cat.call(&platform, Method::DELETE, &path(&ada), "").await.error().0, 403);
    assert_eq!(ada.call(&platform, Method::PATCH, &path(&cat), &role("owner")).await.status, 200);
    assert_eq!(cat.call(&platform, Method::PATCH, &path(&ada), &role("viewer")).await.status, 200);
    let done = audited(&platform).await;
    assert_eq!(done.iter().filter(|(_, action)| action == "member.update").count(), 3);
    platform.stop().await;
}

#[tokio::test]
async fn a_member_without_live_keys_can_be_removed_and_is_out_at_once() {
    let platform = Platform::start().await;
    let bob = Person::join(&platform, "bob", "developer").await;
    made_the_key(&platform, &bob).await;
    let path = format!("/organization/members/{}", bob.id);
    let refused = manage(&platform, Method::DELETE, &path, "").await;
    assert_eq!(refused.error().0, 400);
    assert!(refused.text().contains("1 live API keys"), "{}", refused.text());
    assert_eq!(bob.call(&platform, Method::GET, "/workspaces", "").await.status, 200);
    let database = owner(&platform).await;
    sqlx::query("update identity.api_key set deleted_at = now() where creator_person_id is not null")
        .execute(&database)
        .await
        .unwrap();
    assert_eq!(manage(&platform, Method::DELETE, &path, "").await.json(), json!({ "deleted": true }));
    assert_eq!(manage(&platform, Method::DELETE, &path, "").await.error().0, 404);
    assert_eq!(bob.call(&platform, Method::GET, "/workspaces", "").await.status, 403);
    platform.stop().await;
}

#[tokio::test]
async fn requests_of_a_members_key_are_that_members() {
    let platform = Platform::start().await;
    let bob = Person::join(&platform, "bob", "developer").await;
    made_the_key(&platform, &bob).await;
    let body = r#"{"model":"acme/echo","messages":[{"role":"user","content":"Hi"}]}"#;
    assert_eq!(platform.chat(body).await.status, 200);
    let start = platform.worker.with(|seen| seen.starts.last().cloned().unwrap());
    let terms = platform.billing.with(|heard| heard.terms.last().cloned().unwrap());
    let id = bob.id.to_string();
    assert_eq!((start.user_id, terms.user_id), (id.clone(), id.clone()));
    assert_eq!(platform.witness().await.user_id, id);
    platform.stop().await;
}

#[tokio::test]
async fn the_organisation_is_shown_and_renamed() {
    let platform = Platform::start().await;
    let shown = manage(&platform, Method::GET, "/organization", "").await.json();
    assert_eq!(
        (&shown["data"]["slug"], &shown["data"]["id"]),
        (&json!("demo"), &json!(platform.tenant.to_string()))
    );
    let body = r#"{"name":"Acme","default_image_model":"acme/paint","default_provider_sort":"exacto"}"#;
    let changed = manage(&platform, Method::PATCH, "/organization", body).await.json();
    let data = &changed["data"];
    assert_eq!((&data["name"], &data["slug"]), (&json!("Acme"), &json!("demo")));
    assert_eq!(
        (&data["default_image_model"], &data["default_text_model"]),
        (&json!("acme/paint"), &Value::Null)
    );
    assert_eq!(manage(&platform, Method::GET, "/organization", "").await.json(), changed);
    for wrong in [r#"{"name":""}"#, r#"{"default_provider_sort":"cheap"}"#, "[]"] {
        assert_eq!(manage(&platform, Method::PATCH, "/organization", wrong).await.error().0, 400, "{wrong}");
    }
    let done = audited(&platform).await;
    assert_eq!(done, [("key".to_owned(), "organization.update".to_owned())]);
    platform.stop().await;
}
