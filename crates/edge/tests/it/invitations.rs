//! How people come into an organisation.

use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::Platform;
use crate::support::people::{Person as Member, manage};
use crate::support::person::{Letters, Person};

const ADA: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery";

async fn owner(platform: &Platform) -> sqlx::PgPool {
    sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap()
}

async fn invite(person: &mut Person<'_>, email: &str, role: &str) -> Value {
    let answer = person.call(Method::POST, "/invitations", &json!({ "email": email, "role": role })).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["data"].take()
}

#[tokio::test]
async fn somebody_new_accepts_once_and_is_signed_in() {
    let letters = Letters::new();
    let platform = Platform::start_with(&letters.config(), None).await;
    let mut admin = Person::admin(&platform).await;
    let invitation = invite(&mut admin, "Ada@Example.com", "developer").await;
    assert_eq!((&invitation["email"], &invitation["role"]), (&json!(ADA), &json!("developer")));
    let listed = admin.get("/invitations").await.json();
    assert_eq!((&listed["data"][0], &listed["total_count"]), (&invitation, &json!(1)));

    let token = letters.token(ADA, "pb-inv-", &[]).await;
    let mut ada = Person::stranger(&platform);
    let bare = json!({ "token": token });
    let refused = ada.call(Method::POST, "/invitations/accept", &bare).await;
    assert_eq!(refused.status, 400, "somebody new needs a password");
    let accept = json!({ "token": token, "name": "Ada", "password": PASSWORD });
    let joined = ada.call(Method::POST, "/invitations/accept", &accept).await;
    assert_eq!(joined.status, 200, "{}", joined.text());
    let data = &joined.json()["data"];
    assert_eq!(data["organization_id"], platform.tenant.to_string());
    assert_eq!((&data["role"], &data["is_signed_in"]), (&json!("developer"), &json!(true)));
    let session = ada.get("/session").await.json()["data"].take();
    assert_eq!((&session["user"]["name"], &session["user"]["email"]), (&json!("Ada"), &json!(ADA)));
    assert_eq!(session["user"]["is_platform_admin"], false);
    assert_eq!(session["organization"]["role"], "developer");

    assert_eq!(ada.call(Method::POST, "/invitations/accept", &accept).await.status, 404, "once");
    assert_eq!(admin.get("/invitations").await.json()["total_count"], 0);
    let again = admin.call(Method::POST, "/invitations", &json!({ "email": ADA, "role": "viewer" })).await;
    assert_eq!(again.status, 409, "a member already");
    Person::sign_in(&platform, ADA, PASSWORD).await;
    let actions: Vec<String> = sqlx::query_scalar(
        "select action from identity.audit_log where tenant_id = $1 and action ~ '^(invitation|member)' order by at",
    )
    .bind(platform.tenant.uuid())
    .fetch_all(&owner(&platform).await)
    .await
    .unwrap();
    assert_eq!(actions, ["invitation.create", "member.join"]);
    platform.stop().await;
}

#[tokio::test]
async fn who_may_invite_is_a_matter_of_their_role() {
    let letters = Letters::new();
    let platform = Platform::start_with(&letters.config(), None).await;
    let mut owner_person = Person::admin(&platform).await;
    let database = owner(&platform).await;
    for (role, may_list, may_invite, may_make_owners) in [
        ("owner", 200, 201, 201),
        ("admin", 200, 201, 403),
        ("billing", 200, 403, 403),
        ("developer", 200, 403, 403),
        ("viewer", 200, 403, 403),
    ] {
        sqlx::query("update identity.member set role = $1").bind(role).execute(&database).await.unwrap();
        assert_eq!(owner_person.get("/invitations").await.status, may_list, "{role}");
        let viewer = json!({ "email": format!("{role}@example.com"), "role": "viewer" });
        assert_eq!(
            owner_person.call(Method::POST, "/invitations", &viewer).await.status,
            may_invite,
            "{role}"
        );
        let owner = json!({ "email": format!("o-{role}@example.com"), "role": "owner" });
        let answer = owner_person.call(Method::POST, "/invitations", &owner).await;
        assert_eq!(answer.status, may_make_owners, "{role}");
    }
    let key = platform.demo.management_key.expose().to_owned();
    let by_key = async |body: Value| {
        platform.call(Method::POST, "/account/v1/invitations", Some(&key), &body.to_string()).await.status
    };
    assert_eq!(by_key(json!({ "email": "key@example.com", "role": "admin" })).await, 201);
    assert_eq!(by_key(json!({ "email": "key2@example.com", "role": "owner" })).await, 403);
    assert_eq!(by_key(json!({ "email": "key2@example.com", "role": "emperor" })).await, 400);
    assert_eq!(by_key(json!({ "email": "key2", "role": "admin" })).await, 400);
    let of_an_owner = json!({ "email": "o-owner@example.com", "role": "viewer" });
    assert_eq!(by_key(of_an_owner).await, 409, "an owner's invitation of an owner stays");
    let inference = platform.demo.api_key.expose();
    assert_eq!(platform.get("/account/v1/invitations", Some(inference)).await.status, 403);
    platform.stop().await;
}

#[tokio::test]
async fn only_owners_take_back_an_owners_invitation_or_one_of_the_platform() {
    let letters = Letters::new();
    let platform = Platform::start_with(&letters.config(), None).await;
    let mut owner_person = Person::admin(&platform).await;
    let of_an_owner = invite(&mut owner_person, "o@example.com", "owner").await;
    let of_a_viewer = invite(&mut owner_person, "v@example.com", "viewer").await;
    let path = format!("/tenants/{}/invitations", platform.tenant);
    let of_the_platform = platform.admin(Method::POST, &path, r#"{"email":"p@example.com","role":"viewer"}"#);
    let of_the_platform = of_the_platform.await.json()["data"].take();
    let path = |invitation: &Value| format!("/account/v1/invitations/{}", invitation["id"].as_str().unwrap());
    let admin = Member::join(&platform, "bob", "admin").await;
    let key = platform.demo.management_key.expose();
    for above in [&of_an_owner, &of_the_platform] {
        let refused = admin.call_at(&platform, Method::DELETE, &path(above), "").await;
        assert_eq!(refused.error(), (403, 403, "permission_denied".to_owned()), "an admin: {above}");
        let refused = platform.call(Method::DELETE, &path(above), Some(key), "").await;
        assert_eq!(refused.status, 403, "a management key: {above}");
    }
    assert_eq!(open(&mut owner_person).await.len(), 3, "a refusal takes nothing back");
    let done = admin.call_at(&platform, Method::DELETE, &path(&of_a_viewer), "").await;
    assert_eq!(done.status, 200, "an admin takes back others: {}", done.text());
    for above in [&of_an_owner, &of_the_platform] {
        let done = owner_person.call_at(Method::DELETE, &path(above), &Value::Null).await;
        assert_eq!(done.status, 200, "an owner: {}", done.text());
    }
    platform.stop().await;
}

#[tokio::test]
async fn another_organisations_admin_neither_sees_nor_revokes_an_invitation() {
    let letters = Letters::new();
    let platform = Platform::start_with(&letters.config(), None).await;
    let mut admin = Person::admin(&platform).await;
    let invitation = invite(&mut admin, ADA, "viewer").await;
    let path = format!("/invitations/{}", invitation["id"].as_str().unwrap());
    let other: uuid::Uuid =
        sqlx::query_scalar("select id from identity.organisation where slug = 'demo-markup'")
            .fetch_one(&owner(&platform).await)
            .await
            .unwrap();
    let join = "insert into identity.member (tenant_id, person_id, role)
                select $1, id, 'owner' from identity.person";
    sqlx::query(join).bind(other).execute(&owner(&platform).await).await.unwrap();
    let mut foreigner = Person::admin(&platform).await;
    let chosen =
        foreigner.call(Method::PUT, "/session/organization", &json!({ "organization_id": other })).await;
    assert_eq!(chosen.status, 200);
    assert_eq!(foreigner.get("/invitations").await.json()["total_count"], 0);
    assert_eq!(foreigner.call(Method::DELETE, &path, &Value::Null).await.status, 404);
    let workspace: uuid::Uuid =
        sqlx::query_scalar("select id from identity.workspace where tenant_id <> $1 limit 1")
            .bind(other)
            .fetch_one(&owner(&platform).await)
            .await
            .unwrap();
    let into_foreign = json!({ "email": "b@example.com", "role": "viewer", "workspaces": [workspace] });
    assert_eq!(foreigner.call(Method::POST, "/invitations", &into_foreign).await.status, 400);

    let token = letters.token(ADA, "pb-inv-", &[]).await;
    assert_eq!(admin.call(Method::DELETE, &path, &Value::Null).await.status, 200);
    assert_eq!(admin.call(Method::DELETE, &path, &Value::Null).await.status, 404);
    let accept = json!({ "token": token, "password": PASSWORD });
    let answer = Person::stranger(&platform).call(Method::POST, "/invitations/accept", &accept).await;
    assert_eq!(answer.status, 404, "it was taken back");
    platform.stop().await;
}

#[tokio::test]
async fn inviting_again_replaces_the_invitation_and_time_ends_it() {
    let letters = Letters::new();
    let platform = Platform::start_with(&letters.config(), None).await;
    let mut admin = Person::admin(&platform).await;
    invite(&mut admin, ADA, "viewer").await;
    let first = letters.token(ADA, "pb-inv-", &[]).await;
    invite(&mut admin, ADA, "billing").await;
    let second = letters.token(ADA, "pb-inv-", &[&first]).await;
    assert_eq!(admin.get("/invitations").await.json()["total_count"], 1);
    let mut ada = Person::stranger(&platform);
    let accept = |token: &str| json!({ "token": token, "password": PASSWORD });
    assert_eq!(ada.call(Method::POST, "/invitations/accept", &accept(&first)).await.status, 404);
    let database = owner(&platform).await;
    sqlx::query("update identity.invitation set expires_at = now()").execute(&database).await.unwrap();
    assert_eq!(ada.call(Method::POST, "/invitations/accept", &accept(&second)).await.status, 404);
    assert_eq!(admin.get("/invitations").await.json()["total_count"], 0);
    invite(&mut admin, ADA, "billing").await;
    let third = letters.token(ADA, "pb-inv-", &[&first, &second]).await;
    assert_eq!(ada.call(Method::POST, "/invitations/accept", &accept(&third)).await.status, 200);
    platform.stop().await;
}

#[tokio::test]
async fn somebody_known_joins_without_a_new_password_and_signs_in_with_the_old_one() {
    let letters = Letters::new();
    let platform = Platform::start_with(&letters.config(), None).await;
    let mut admin = Person::admin(&platform).await;
    let workspace: uuid::Uuid = sqlx::query_scalar(
        "insert into identity.workspace (id, tenant_id, slug, name)
         values (gen_random_uuid(), $1, 'team', 'Team') returning id",
    )
    .bind(platform.tenant.uuid())
    .fetch_one(&owner(&platform).await)
    .await
    .unwrap();
    invite(&mut admin, ADA, "viewer").await;
    let first = letters.token(ADA, "pb-inv-", &[]).await;
    let mut ada = Person::stranger(&platform);
    let accept = json!({ "token": first, "password": PASSWORD });
    assert_eq!(ada.call(Method::POST, "/invitations/accept", &accept).await.status, 200);
    sqlx::query(
        "delete from identity.member m using identity.person p where p.id = m.person_id and p.email = $1",
    )
    .bind(ADA)
    .execute(&owner(&platform).await)
    .await
    .unwrap();
    let body = json!({ "email": ADA, "role": "admin", "workspaces": [workspace, workspace] });
    assert_eq!(admin.call(Method::POST, "/invitations", &body).await.status, 201);
    let second = letters.token(ADA, "pb-inv-", &[&first]).await;
    let mut thief = Person::stranger(&platform);
    let accept = json!({ "token": second, "name": "Thief", "password": "a thief's own password" });
    let joined = thief.call(Method::POST, "/invitations/accept", &accept).await;
    assert_eq!(joined.json()["data"]["is_signed_in"], false);
    assert_eq!(thief.cookie, "");
    assert_eq!(thief.try_to_sign_in(ADA, "a thief's own password").await.status, 401);
    let mut ada = Person::sign_in(&platform, ADA, PASSWORD).await;
    let session = ada.get("/session").await.json()["data"].take();
    assert_eq!(session["organization"]["role"], "admin");
    let members: i64 =
        sqlx::query_scalar("select count(*) from identity.workspace_member where workspace_id = $1")
            .bind(workspace)
            .fetch_one(&owner(&platform).await)
            .await
            .unwrap();
    assert_eq!(members, 1);
    platform.stop().await;
}

#[tokio::test]
async fn an_organisation_sends_so_many_invitations_a_day_and_no_more() {
    let letters = Letters::new();
    let config = format!("{}invitations_per_day = 2\n", letters.config());
    let platform = Platform::start_with(&config, None).await;
    let mut admin = Person::admin(&platform).await;
    invite(&mut admin, ADA, "viewer").await;
    invite(&mut admin, "b@example.com", "viewer").await;
    let third = json!({ "email": "c@example.com", "role": "viewer" });
    let stopped = admin.call(Method::POST, "/invitations", &third).await;
    assert_eq!(stopped.status, 429);
    assert_ne!(stopped.header("retry-after"), "");
    platform.stop().await;
}

/// Has a member invite somebody. The token of the letter.
async fn invited_by(
    (platform, letters): (&Platform, &Letters),
    member: &Member,
    email: &str,
    role: &str,
) -> String {
    let body = json!({ "email": email, "role": role }).to_string();
    let made = member.call_at(platform, Method::POST, "/account/v1/invitations", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    letters.token(email, "pb-inv-", &[]).await
}

async fn accepted(platform: &Platform, token: &str) -> u16 {
    let accept = json!({ "token": token, "password": PASSWORD });
    let answer = Person::stranger(platform).call(Method::POST, "/invitations/accept", &accept).await;
    assert!(answer.status == 200 || answer.status == 404, "{}", answer.text());
    answer.status.as_u16()
}

/// The addresses of the open invitations.
async fn open(admin: &mut Person<'_>) -> Vec<String> {
    let listed = admin.get("/invitations").await.json();
    let rows = listed["data"].as_array().unwrap().iter();
    let mut open: Vec<String> = rows.map(|row| row["email"].as_str().unwrap().to_owned()).collect();
    open.sort();
    open
}

#[tokio::test]
async fn open_invitations_end_with_the_role_that_they_were_made_in() {
    let letters = Letters::new();
    let platform = Platform::start_with(&letters.config(), None).await;
    let mut admin = Person::admin(&platform).await;
    let ada = Member::join(&platform, "ada", "owner").await;
    let bob = Member::join(&platform, "bob", "admin").await;
    let here = (&platform, &letters);
    let owner_by_ada = invited_by(here, &ada, "o@example.com", "owner").await;
    let admin_by_ada = invited_by(here, &ada, "a@example.com", "admin").await;
    let viewer_by_bob = invited_by(here, &bob, "v@example.com", "viewer").await;
    let key = ada.call(&platform, Method::POST, "/keys", r#"{"name":"m","kind":"management"}"#).await.json();
    let body = json!({ "email": "k@example.com", "role": "admin" }).to_string();
    let made = platform.call(Method::POST, "/account/v1/invitations", key["key"].as_str(), &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let by_the_key = letters.token("k@example.com", "pb-inv-", &[]).await;

    let ada_becomes = format!("/api/v1/organization/members/{}", ada.id);
    let mut set_role = async |role: &str| {
        let changed = admin.call_at(Method::PATCH, &ada_becomes, &json!({ "role": role })).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
    };
    set_role("admin").await;
    assert_eq!(accepted(&platform, &owner_by_ada).await, 404, "an admin invites no owners");
    set_role("developer").await;
    assert_eq!(accepted(&platform, &admin_by_ada).await, 404, "a developer invites nobody");
    assert_eq!(accepted(&platform, &by_the_key).await, 404, "nor does a key of theirs");
    set_role("owner").await;
    assert_eq!(accepted(&platform, &admin_by_ada).await, 404, "what was taken back stays so");
    assert_eq!(open(&mut admin).await, ["v@example.com"]);
    let removed = manage(&platform, Method::DELETE, &format!("/organization/members/{}", bob.id), "").await;
    assert_eq!(removed.status, 200, "{}", removed.text());
    assert_eq!(accepted(&platform, &viewer_by_bob).await, 404, "who left invites nobody");
    assert!(open(&mut admin).await.is_empty());
    let why: Vec<String> = sqlx::query_scalar(
        "select details->>'because' from identity.audit_log where action = 'invitation.revoke' order by at, id",
    )
    .fetch_all(&owner(&platform).await)
    .await
    .unwrap();
    assert_eq!(why, ["member.update", "member.update", "member.update", "member.remove"]);
    platform.stop().await;
}

#[tokio::test]
async fn an_invitation_is_accepted_only_while_its_inviter_could_make_it() {
    let letters = Letters::new();
    let platform = Platform::start_with(&letters.config(), None).await;
    let database = owner(&platform).await;
    let ada = Member::join(&platform, "ada", "owner").await;
    let token = invited_by((&platform, &letters), &ada, "o@example.com", "owner").await;
    // As if it were made while the role was taken.
    let set = "update identity.member set role = $2 where person_id = $1";
    for role in ["admin", "developer"] {
        sqlx::query(set).bind(ada.id).bind(role).execute(&database).await.unwrap();
        assert_eq!(accepted(&platform, &token).await, 404, "{role}");
    }
    sqlx::query(set).bind(ada.id).bind("owner").execute(&database).await.unwrap();
    assert_eq!(accepted(&platform, &token).await, 200);

    let made = manage(&platform, Method::POST, "/keys", r#"{"name":"m","kind":"management"}"#).await.json();
    let key = format!("/keys/{}", made["data"]["hash"].as_str().unwrap());
    let mut tokens = Vec::new();
    for email in ["b@example.com", "c@example.com"] {
        let body = json!({ "email": email, "role": "viewer" }).to_string();
        let by_key =
            platform.call(Method::POST, "/account/v1/invitations", made["key"].as_str(), &body).await;
        assert_eq!(by_key.status, 201, "{}", by_key.text());
        tokens.push(letters.token(email, "pb-inv-", &[]).await);
    }
    for (change, status) in [(r#"{"disabled":true}"#, 404), (r#"{"disabled":false}"#, 200)] {
        assert_eq!(manage(&platform, Method::PATCH, &key, change).await.status, 200);
        assert_eq!(accepted(&platform, &tokens[0]).await, status, "{change}");
    }
    assert_eq!(manage(&platform, Method::DELETE, &key, "").await.status, 200);
    assert_eq!(accepted(&platform, &tokens[1]).await, 404, "its key was deleted");
    assert!(open(&mut Person::admin(&platform).await).await.is_empty(), "and it is taken back");
    platform.stop().await;
}
