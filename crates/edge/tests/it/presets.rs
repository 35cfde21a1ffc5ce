//! Presets: made from the bodies of requests, read, and taken over by requests that name them.

use std::time::Duration;

use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::client::Answer;
use crate::support::people::{Person, manage, owner};
use crate::support::specification::Specification;
use crate::support::{Platform, eventually};

async fn make(platform: &Platform, path: &str, body: Value) -> Answer {
    let key = platform.demo.api_key.expose();
    platform.call(Method::POST, &format!("/api/v1/presets/{path}"), Some(key), &body.to_string()).await
}

async fn get(platform: &Platform, path: &str) -> Answer {
    platform.get(&format!("/api/v1/presets{path}"), Some(platform.demo.api_key.expose())).await
}

async fn ask(platform: &Platform, path: &str, body: Value) -> Answer {
    let key = platform.demo.api_key.expose();
    platform.call(Method::POST, &format!("/api/v1{path}"), Some(key), &body.to_string()).await
}

/// What the worker was given to send.
fn executed(platform: &Platform) -> Value {
    serde_json::from_slice(&platform.worker.with(|seen| seen.starts.pop().unwrap()).body).unwrap()
}

fn support() -> Value {
    json!({
        "model": "acme/echo", "temperature": 0.3, "provider": {"order": ["acme"]},
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}]
    })
}

/// Changes rows of the demo organisation as nobody else may.
async fn alter(platform: &Platform, statements: &[&'static str]) -> Result<(), sqlx::Error> {
    let mut tx = platform.pool.begin().await?;
    sqlx::query("select set_config('app.tenant', $1, true)")
        .bind(platform.tenant.to_string())
        .execute(&mut *tx)
        .await?;
    for statement in statements {
        sqlx::query(*statement).execute(&mut *tx).await?;
    }
    tx.commit().await
}

#[tokio::test]
async fn a_body_sent_twice_makes_two_versions_of_which_the_second_is_in_force() {
    let platform = Platform::start().await;
    let first = make(&platform, "support/chat/completions", support()).await.json();
    let data = &first["data"];
    assert_eq!(
        (&data["slug"], &data["name"], &data["status"]),
        (&json!("support"), &json!("support"), &json!("active"))
    );
    let version = &data["designated_version"];
    assert_eq!((&version["version"], &version["system_prompt"]), (&json!(1), &json!("Be kind.")));
    let config = json!({"model": "acme/echo", "temperature": 0.3, "provider": {"order": ["acme"]}});
    assert_eq!(version["config"], config);
    assert_eq!(version["creator_id"], format!("key:{}", key_id(&platform).await));

    assert_eq!(make(&platform, "other/responses", json!({"model": "acme/echo"})).await.status, 200);
    let body = json!({"model": "acme/echo", "system": "Be brief.", "max_tokens": 9});
    let second = make(&platform, "support/messages", body).await.json();
    assert_eq!(second["data"]["id"], data["id"]);
    let version = &second["data"]["designated_version"];
    assert_eq!((&version["version"], &version["id"]), (&json!(2), &second["data"]["designated_version_id"]));
    // Nothing is taken over from the version before.
    assert_eq!(version["config"], json!({"model": "acme/echo", "max_tokens": 9}));

    let shown = get(&platform, "/support").await.json();
    assert_eq!(shown, second);
    let list = get(&platform, "").await.json();
    assert_eq!(list["total_count"], 2);
    let slugs: Vec<&Value> = list["data"].as_array().unwrap().iter().map(|preset| &preset["slug"]).collect();
    assert_eq!(slugs, ["support", "other"]);
    let page = get(&platform, "?offset=1&limit=1").await.json();
    assert_eq!((&page["total_count"], &page["data"][0]["slug"]), (&json!(2), &json!("other")));
    let versions = get(&platform, "/support/versions").await.json();
    assert_eq!((&versions["total_count"], &versions["data"][1]), (&json!(2), version));
    let old = get(&platform, "/support/versions/1").await.json();
    assert_eq!(old["data"], data["designated_version"]);
    assert_eq!(old["data"], versions["data"][0]);

    if let Some(specification) = Specification::find() {
        for dialect in ["chat/completions", "messages", "responses"] {
            specification.check("post", &format!("/presets/{{slug}}/{dialect}"), &second);
        }
        specification.check("get", "/presets", &list);
        specification.check("get", "/presets/{slug}", &shown);
        specification.check("get", "/presets/{slug}/versions", &versions);
        specification.check("get", "/presets/{slug}/versions/{version}", &old);
    }
    platform.stop().await;
}

async fn key_id(platform: &Platform) -> String {
    let path = format!("/keys/{}", platform.demo.api_key.hash());
    platform.admin(Method::GET, &path, "").await.json()["data"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn versions_written_at_once_are_numbered_and_never_changed() {
    let platform = Platform::start().await;
    let all =
        (0..8).map(|n| make(&platform, "busy/chat/completions", json!({"model": "acme/echo", "seed": n})));
    for answer in join_all(all).await {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let versions = get(&platform, "/busy/versions").await.json();
    let numbers: Vec<i64> = versions["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| version["version"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(get(&platform, "/busy").await.json()["data"]["designated_version"]["version"], 8);
    let refused = alter(&platform, &["update identity.preset_version set version = 9"]).await.unwrap_err();
    assert!(refused.to_string().contains("permission denied"), "{refused}");
    platform.stop().await;
}

#[tokio::test]
async fn of_two_writers_at_once_one_gets_the_last_room() {
    let platform = Platform::start().await;
    make(&platform, "busy/chat/completions", support()).await;
    let database = owner(&platform).await;
    fill(&database).await;
    let versions = "insert into identity.preset_version (id, tenant_id, preset_id, version, config, creator)
        select gen_random_uuid(), tenant_id, id, n, '{}', creator from identity.preset, generate_series(2, 99) n
        where slug = 'busy'";
    sqlx::query(versions).execute(&database).await.unwrap();
    for (held, slugs) in [("preset", ["busy", "busy"]), ("workspace", ["one", "two"])] {
        let hold = match held {
            "preset" => "select from identity.preset where slug = 'busy' for update",
            _ => "select from identity.workspace for update",
        };
        let answers = race(&platform, &database, hold, slugs).await;
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{held}: {} {}", answers[0].text(), answers[1].text());
    }
    let written = "select (select count(*) from identity.preset),
            (select count(*) from identity.preset_version v join identity.preset p on p.id = v.preset_id
             where p.slug = 'busy')";
    let written: (i64, i64) = sqlx::query_as(written).fetch_one(&database).await.unwrap();
    assert_eq!(written, (200, 100), "presets of the workspace, versions of the preset");
    platform.stop().await;
}

/// Beside the one preset that there is as many as leave room for one.
async fn fill(database: &PgPool) {
    let others = "insert into identity.preset (id, tenant_id, workspace_id, slug, name, creator)
        select gen_random_uuid(), tenant_id, workspace_id, 'other-' || n, 'Other', creator
        from identity.preset, generate_series(2, 199) n";
    sqlx::query(others).execute(database).await.unwrap();
}

/// What two writers are answered who have looked, as far as they look without a lock, before either may write.
async fn race(platform: &Platform, database: &PgPool, hold: &'static str, slugs: [&str; 2]) -> [Answer; 2] {
    let mut holder = database.begin().await.unwrap();
    sqlx::query(hold).execute(&mut *holder).await.unwrap();
    // Of two parties: the calls of one key have their turn after each other.
    let [one, other] = slugs.map(|slug| format!("{slug}/chat/completions"));
    let (path, body) = (format!("/presets/{other}"), support().to_string());
    let both = (make(platform, &one, support()), manage(platform, Method::POST, &path, &body));
    let release = async {
        wait_for_writers(database, 2).await;
        holder.rollback().await.unwrap();
    };
    let (one, other, ()) = futures::join!(both.0, both.1, release);
    [one, other]
}

async fn wait_for_writers(database: &PgPool, writers: i64) {
    eventually("the writers wait for the lock", async || {
        let waiting = "select count(*) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock'";
        let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(database).await.unwrap();
        (waiting >= writers).then_some(())
    })
    .await;
}

#[tokio::test]
async fn two_writers_of_one_new_preset_share_the_last_room() {
    let platform = Platform::start().await;
    make(&platform, "busy/chat/completions", support()).await;
    let database = owner(&platform).await;
    fill(&database).await;
    let hold = "select from identity.workspace for update";
    for answer in race(&platform, &database, hold, ["new", "new"]).await {
        assert_eq!(
            answer.status,
            200,
            "the second writes a version of what the first made: {}",
            answer.text()
        );
    }
    platform.stop().await;
}

#[tokio::test]
async fn no_preset_is_made_in_a_workspace_that_is_deleted_at_that_moment() {
    let platform = Platform::start().await;
    let team = r#"{"name":"Team","slug":"team"}"#;
    let team = manage(&platform, Method::POST, "/workspaces", team).await.json();
    let id = team["data"]["id"].as_str().unwrap();
    let database = owner(&platform).await;
    let mut deleting = database.begin().await.unwrap();
    let delete = "update identity.workspace set deleted_at = now() where slug = 'team'";
    sqlx::query(delete).execute(&mut *deleting).await.unwrap();
    let (path, body) = (format!("/presets/late/responses?workspace_id={id}"), r#"{"model":"acme/echo"}"#);
    let release = async {
        wait_for_writers(&database, 1).await;
        deleting.commit().await.unwrap();
    };
    let (answer, ()) = futures::join!(manage(&platform, Method::POST, &path, body), release);
    assert_eq!(answer.error().0, 404, "{}", answer.text());
    let made: i64 =
        sqlx::query_scalar("select count(*) from identity.preset").fetch_one(&database).await.unwrap();
    assert_eq!(made, 0, "presets of a workspace that is gone");
    platform.stop().await;
}

#[tokio::test]
async fn a_request_takes_over_what_its_preset_says() {
    let platform = Platform::start().await;
    make(&platform, "support/chat/completions", support()).await;
    let turns = json!([{"role": "user", "content": "Hi"}]);
    let both = json!([{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]);

    let body = json!({"model": "@preset/support", "messages": turns});
    let key = format!("Bearer {}", platform.demo.api_key.expose());
    let headers = [("authorization", key.as_str()), ("x-openrouter-metadata", "enabled")];
    let path = "/api/v1/chat/completions";
    let answer =
        crate::support::client::send(platform.address, Method::POST, path, &headers, body.to_string()).await;
    assert_eq!(answer.status(), 200);
    let plan = platform.router.with(|said| said.plans.last().cloned().unwrap());
    assert_eq!(
        (plan.models, plan.provider.unwrap().order),
        (vec!["acme/echo".to_owned()], vec!["acme".to_owned()])
    );
    let metadata: Value = platform
        .worker
        .with(|seen| serde_json::from_str(&seen.starts.last().unwrap().metadata_json).unwrap());
    assert_eq!(metadata["requested"], "@preset/support");
    let provider = json!({"order": ["acme"]});
    let expected = json!({"model": "acme/echo", "temperature": 0.3, "provider": provider, "messages": both});
    assert_eq!(executed(&platform), expected);

    // In the words of another dialect, from the member, with a model of the request's own.
    let body = json!({"model": "acme/other", "preset": "support", "input": "Hi", "temperature": 1});
    assert_eq!(ask(&platform, "/responses", body).await.status, 200);
    let expected = json!({
        "model": "acme/other", "input": "Hi", "temperature": 1, "provider": provider, "instructions": "Be kind."
    });
    assert_eq!(executed(&platform), expected);
    let body = json!({"preset": "support", "max_tokens": 9, "messages": turns});
    assert_eq!(ask(&platform, "/messages", body.clone()).await.status, 200);
    assert_eq!(executed(&platform)["system"], "Be kind.");
    assert_eq!(ask(&platform, "/messages/count_tokens", body).await.status, 200);

    // What another version says holds at once where it was written.
    make(&platform, "support/responses", json!({"model": "acme/new", "instructions": "Be brief."})).await;
    let body = json!({"model": "@preset/support", "messages": turns});
    assert_eq!(ask(&platform, "/chat/completions", body).await.status, 200);
    let both = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]);
    assert_eq!(executed(&platform), json!({"model": "acme/new", "messages": both}));
    platform.stop().await;
}

#[tokio::test]
async fn a_long_conversation_makes_a_preset_and_takes_one_over() {
    let platform = Platform::start().await;
    let mut body = support();
    body["messages"][1]["content"] = json!("x".repeat(200_000));
    assert_eq!(make(&platform, "support/chat/completions", body.clone()).await.status, 200);
    body["model"] = json!("@preset/support");
    body["messages"].as_array_mut().unwrap().remove(0);
    assert_eq!(ask(&platform, "/chat/completions", body).await.status, 200);
    let sent = executed(&platform);
    assert_eq!((&sent["model"], &sent["messages"][0]["content"]), (&json!("acme/echo"), &json!("Be kind.")));
    platform.stop().await;
}

#[tokio::test]
async fn a_preset_that_cannot_be_used_is_not_found_and_named() {
    let platform = Platform::start().await;
    for slug in ["off", "old", "ours"] {
        make(&platform, &format!("{slug}/chat/completions"), support()).await;
    }
    let changes = [
        "update identity.preset set status = 'disabled' where slug = 'off'",
        "update identity.preset set status = 'archived' where slug = 'old'",
    ];
    alter(&platform, &changes).await.unwrap();
    let turns = json!([{"role": "user", "content": "Hi"}]);
    for (slug, words) in [
        ("nobody", "There is no preset `nobody`"),
        ("No Name", "There is no preset `No Name`"),
        ("off", "The preset `off` is disabled"),
        ("old", "The preset `old` is archived"),
    ] {
        let body = json!({"model": format!("acme/echo@preset/{slug}"), "messages": turns});
        let refused = ask(&platform, "/chat/completions", body).await;
        assert_eq!(refused.error(), (404, 404, "not_found".to_owned()));
        assert!(refused.text().contains(words), "{}", refused.text());
    }
    assert!(platform.router.with(|said| said.plans.is_empty()));

    // Another organisation knows nothing of it.
    let other = platform.demo.markup_api_key.expose();
    let body = json!({"model": "@preset/ours", "messages": turns}).to_string();
    assert_eq!(platform.chat_as(other, &body).await.error().0, 404);
    assert_eq!(platform.get("/api/v1/presets/ours", Some(other)).await.error().0, 404);
    assert_eq!(platform.get("/api/v1/presets", Some(other)).await.json()["total_count"], 0);
    // Nor does another workspace of the same one.
    let moves = [
        "insert into identity.workspace (id, tenant_id, slug, name)
         select gen_random_uuid(), id, 'second', 'Second' from identity.organisation",
        "update identity.api_key set workspace_id = (select id from identity.workspace where slug = 'second')",
    ];
    alter(&platform, &moves).await.unwrap();
    eventually("the key is of the other workspace", async || {
        (get(&platform, "/ours").await.status == 404).then_some(())
    })
    .await;
    assert_eq!(platform.chat(&body).await.error().0, 404);
    platform.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_preset_is_said() {
    let platform = Platform::start().await;
    make(&platform, "tiny/chat/completions", json!({"temperature": 0.1})).await;
    let turns = json!([{"role": "user", "content": "Hi"}]);
    let refused = ask(&platform, "/chat/completions", json!({"preset": "tiny", "messages": turns})).await;
    assert_eq!(refused.error().0, 400);
    assert!(refused.text().contains("with the preset `tiny`: `model` is required"), "{}", refused.text());
    let refused = ask(&platform, "/embeddings", json!({"model": "@preset/tiny", "input": "Hi"})).await;
    assert_eq!(refused.error().0, 400);

    assert_eq!(make(&platform, "Big/chat/completions", support()).await.error().0, 400);
    assert_eq!(make(&platform, "tiny/chat/completions", json!({"temperature": 9})).await.error().0, 400);
    assert_eq!(make(&platform, "tiny/embeddings", support()).await.error().0, 404);
    for path in ["?limit=0", "?limit=101", "?offset=-1", "?limit=many", "/tiny/versions?limit=0"] {
        assert_eq!(get(&platform, path).await.error().0, 400, "{path}");
    }
    for path in
        ["/nobody", "/nobody/versions", "/nobody/versions/1", "/tiny/versions/2", "/tiny/versions/first"]
    {
        assert_eq!(get(&platform, path).await.error().0, 404, "{path}");
    }
    let elsewhere = format!("?workspace_id={}", uuid::Uuid::now_v7());
    assert_eq!(get(&platform, &elsewhere).await.error().0, 404, "a key knows its own workspace alone");
    assert_eq!(platform.get("/api/v1/presets", None).await.error().0, 401);
    platform.stop().await;
}

#[tokio::test]
async fn a_preset_that_is_known_serves_on_without_the_database() {
    let platform = Platform::start().await;
    make(&platform, "support/chat/completions", support()).await;
    let turns = json!([{"role": "user", "content": "Hi"}]);
    let body = json!({"model": "@preset/support", "messages": turns});
    assert_eq!(ask(&platform, "/chat/completions", body.clone()).await.status, 200);
    platform.database.lose().await;
    // Until what is known is no longer fresh.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(ask(&platform, "/chat/completions", body).await.status, 200);
    assert_eq!(executed(&platform)["temperature"], json!(0.3));
    let unknown = ask(&platform, "/chat/completions", json!({"preset": "other", "messages": turns})).await;
    assert_eq!(unknown.error().0, 503);
    platform.stop().await;
}

/// Who did what to presets, oldest first.
async fn audited(platform: &Platform) -> Vec<(String, String)> {
    sqlx::query_as(
        "select split_part(actor, ':', 1), action from identity.audit_log where action ~ '^preset\\.' order by at, id",
    )
    .fetch_all(&owner(platform).await)
    .await
    .unwrap()
}

#[tokio::test]
async fn people_and_management_keys_keep_the_presets_of_any_workspace() {
    let platform = Platform::start().await;
    let [admin, developer, viewer] = [
        Person::join(&platform, "ada", "admin").await,
        Person::join(&platform, "dan", "developer").await,
        Person::join(&platform, "vic", "viewer").await,
    ];
    let body = support().to_string();
    let path = "/presets/support/chat/completions";
    let made = developer.call(&platform, Method::POST, path, &body).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let made = made.json();
    assert_eq!(made["data"]["creator_user_id"], developer.id.to_string());
    assert_eq!(made["data"]["designated_version"]["creator_id"], format!("user:{}", developer.id));
    // It is of the default workspace, where a key of it finds it.
    assert_eq!(get(&platform, "/support").await.json(), made);
    assert_eq!(viewer.call(&platform, Method::GET, "/presets/support", "").await.json(), made);
    assert_eq!(viewer.call(&platform, Method::POST, path, &body).await.error().0, 403);

    let team =
        manage(&platform, Method::POST, "/workspaces", r#"{"name":"Team","slug":"team"}"#).await.json();
    let place = format!("?workspace_id={}", team["data"]["id"].as_str().unwrap());
    let in_team = |path: &str| format!("/presets{path}{place}");
    let path = in_team("/ours/chat/completions");
    assert_eq!(developer.call(&platform, Method::POST, &path, &body).await.error().0, 403, "no member there");
    assert_eq!(manage(&platform, Method::POST, &path, &body).await.status, 200);
    assert_eq!(admin.call(&platform, Method::POST, &path, &body).await.status, 200);
    let list = manage(&platform, Method::GET, &in_team(""), "").await.json();
    assert_eq!((&list["total_count"], &list["data"][0]["slug"]), (&json!(1), &json!("ours")));
    let versions = manage(&platform, Method::GET, &in_team("/ours/versions"), "").await.json();
    assert_eq!(versions["total_count"], 2);
    assert_eq!(manage(&platform, Method::GET, &in_team("/ours/versions/2"), "").await.status, 200);
    assert_eq!(get(&platform, "/ours").await.error().0, 404, "of another workspace than the key's");
    let nowhere = format!("/presets?workspace_id={}", uuid::Uuid::now_v7());
    assert_eq!(manage(&platform, Method::GET, &nowhere, "").await.error().0, 404);
    let done: Vec<_> = audited(&platform).await;
    let done: Vec<&str> = done.iter().map(|(who, _)| who.as_str()).collect();
    assert_eq!(done, ["user", "key", "user"]);
    platform.stop().await;
}

#[tokio::test]
async fn a_preset_is_put_out_of_force_and_deleted() {
    let platform = Platform::start().await;
    make(&platform, "support/chat/completions", support()).await;
    let body = json!({"model": "@preset/support", "messages": [{"role": "user", "content": "Hi"}]});
    assert_eq!(ask(&platform, "/chat/completions", body.clone()).await.status, 200);
    let change = json!({"status": "disabled", "name": "Support", "description": "Of Acme.\nKind."});
    let changed = manage(&platform, Method::PATCH, "/presets/support", &change.to_string()).await.json();
    let data = &changed["data"];
    assert_eq!(
        (&data["status"], &data["name"], &data["description"]),
        (&change["status"], &change["name"], &change["description"])
    );
    assert!(data["status_updated_at"].is_string() && data["designated_version"]["version"] == 1);
    assert_eq!(ask(&platform, "/chat/completions", body.clone()).await.error().0, 404, "at once");
    assert_eq!(
        manage(&platform, Method::PATCH, "/presets/support", r#"{"status":"active"}"#).await.status,
        200
    );
    assert_eq!(ask(&platform, "/chat/completions", body.clone()).await.status, 200);
    for wrong in
        [r#"{"state":"active"}"#, r#"{"status":"gone"}"#, r#"{"name":" "}"#, r#"{"name":"a\u202eb"}"#]
    {
        let refused = manage(&platform, Method::PATCH, "/presets/support", wrong).await;
        assert_eq!(refused.error().0, 400, "{wrong}");
    }
    let key = platform.demo.api_key.expose();
    let refused = platform.call(Method::DELETE, "/api/v1/presets/support", Some(key), "").await;
    assert_eq!(refused.error().0, 403, "a key that calls models deletes nothing");
    assert_eq!(manage(&platform, Method::DELETE, "/presets/support", "").await.json()["deleted"], true);
    assert_eq!(manage(&platform, Method::DELETE, "/presets/support", "").await.error().0, 404);
    assert_eq!(ask(&platform, "/chat/completions", body).await.error().0, 404, "at once");
    let done: Vec<_> = audited(&platform).await.into_iter().map(|(_, action)| action).collect();
    assert_eq!(done, ["preset.put", "preset.update", "preset.update", "preset.delete"]);
    platform.stop().await;
}
