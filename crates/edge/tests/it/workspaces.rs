//! Workspaces, and what they say for requests that leave it open.

use http::Method;
use rpc::router::PlanRequest;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::client::Answer;
use crate::support::people::{Person, audited, manage, owner};
use crate::support::specification::Specification;
use crate::support::{Platform, eventually};

async fn post(platform: &Platform, body: Value) -> Answer {
    manage(platform, Method::POST, "/workspaces", &body.to_string()).await
}

async fn patch(platform: &Platform, path: &str, body: Value) -> Answer {
    manage(platform, Method::PATCH, path, &body.to_string()).await
}

/// Of the organisation that is not the demo one.
async fn foreign(platform: &Platform) -> Uuid {
    sqlx::query_scalar("select id from identity.workspace where tenant_id <> $1 limit 1")
        .bind(platform.tenant.uuid())
        .fetch_one(&owner(platform).await)
        .await
        .unwrap()
}

/// Adds a key to a workspace of the demo organisation.
async fn put_key(platform: &Platform, workspace: &str, secret: &str) -> Result<(), sqlx::Error> {
    let statement = "insert into identity.api_key (id, tenant_id, workspace_id, hash, kind, label, name)
                     values (gen_random_uuid(), $1, $2::uuid, sha256($3::bytea), 'inference', 'l', 'n')";
    sqlx::query(statement)
        .bind(platform.tenant.uuid())
        .bind(workspace)
        .bind(secret.as_bytes())
        .execute(&owner(platform).await)
        .await
        .map(|_| ())
}

#[tokio::test]
async fn a_workspace_lives_from_its_creation_to_its_deletion() {
    let platform = Platform::start().await;
    let made = post(
        &platform,
        json!({ "name": "Team", "slug": "team", "description": "Ours", "default_text_model": "acme/echo",
                "default_image_model": "acme/paint", "default_provider_sort": "latency",
                "is_observability_io_logging_enabled": true, "is_observability_broadcast_enabled": false,
                "io_logging_sampling_rate": 0.5, "io_logging_api_key_ids": [1, 2], "unknown": 1 }),
    )
    .await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let id = made["data"]["id"].as_str().unwrap().to_owned();
    let expected = Uuid::new_v5(&id.parse().unwrap(), b"default-guardrail").to_string();
    assert_eq!(made["data"]["default_guardrail_id"], expected);
    assert_eq!(made["data"]["io_logging_api_key_ids"], json!([1, 2]));
    let path = format!("/workspaces/{id}");
    let shown = manage(&platform, Method::GET, &path, "").await.json();
    assert_eq!(shown, made);
    assert_eq!(manage(&platform, Method::GET, "/workspaces/team", "").await.json(), made);

    let listed = manage(&platform, Method::GET, "/workspaces", "").await.json();
    assert_eq!((&listed["total_count"], &listed["data"][0]["slug"]), (&json!(2), &json!("default")));
    assert_eq!(listed["data"][1], made["data"]);
    let page = manage(&platform, Method::GET, "/workspaces?offset=1&limit=1", "").await.json();
    assert_eq!((&page["total_count"], &page["data"]), (&json!(2), &json!([made["data"]])));

    let body = json!({ "name": "Crew", "description": null, "default_text_model": null,
                       "disabled_server_tools": ["openrouter:web_search"], "is_data_discount_logging_enabled": true });
    let changed = patch(&platform, "/workspaces/team", body).await.json();
    let data = &changed["data"];
    assert_eq!((&data["name"], &data["slug"]), (&json!("Crew"), &json!("team")));
    assert_eq!((&data["description"], &data["default_text_model"]), (&Value::Null, &Value::Null));
    assert_eq!(data["default_image_model"], "acme/paint", "what is not sent stays");
    assert_eq!(data["disabled_server_tools"], json!(["openrouter:web_search"]));

    let deleted = manage(&platform, Method::DELETE, &path, "").await;
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    for method in [Method::GET, Method::DELETE, Method::PATCH] {
        assert_eq!(manage(&platform, method, &path, "{}").await.error().0, 404);
    }
    if let Some(specification) = Specification::find() {
        specification.check_status("post", "/workspaces", 201, &made);
        specification.check("get", "/workspaces", &listed);
        specification.check("get", "/workspaces/{id}", &shown);
        specification.check("patch", "/workspaces/{id}", &changed);
        specification.check("delete", "/workspaces/{id}", &deleted.json());
    }
    // Its slug is free again.
    assert_eq!(post(&platform, json!({ "name": "Team", "slug": "team" })).await.status, 201);
    let done: Vec<_> = audited(&platform).await.into_iter().map(|(_, action)| action).collect();
    assert_eq!(done, ["workspace.create", "workspace.update", "workspace.delete", "workspace.create"]);
    platform.stop().await;
}

/// Rows of a table that belong to a workspace and that somebody could still come by.
async fn left(platform: &Platform, table: &str, workspace: Uuid) -> i64 {
    let is_alive = if table == "destination" { "deleted_at is null" } else { "true" };
    let statement = format!("select count(*) from identity.{table} where workspace_id = $1 and {is_alive}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
        .bind(workspace)
        .fetch_one(&owner(platform).await)
        .await
        .unwrap()
}

#[tokio::test]
async fn whatever_belongs_to_a_workspace_goes_with_it() {
    const TABLES: [&str; 6] =
        ["guardrail", "provider_credential", "preset", "destination", "auth_code", "workspace_member"];
    let platform = Platform::start().await;
    let made = post(&platform, json!({ "name": "Team", "slug": "team" })).await.json();
    let id: Uuid = made["data"]["id"].as_str().unwrap().parse().unwrap();
    let person = Person::join(&platform, "ada", "developer").await;
    for (path, body) in [
        ("/workspaces/team/members/add", json!({ "user_ids": [person.id] })),
        (
            "/guardrails",
            json!({ "workspace_id": id, "name": "Rules", "limit_usd": 5, "reset_interval": "daily" }),
        ),
        ("/byok", json!({ "workspace_id": id, "provider": "openai", "key": "sk-0123456789abcdef" })),
        ("/auth/keys/code", json!({ "workspace_id": id, "callback_url": "https://app.example.com/back" })),
        (
            "/observability/destinations",
            json!({ "workspace_id": id, "type": "webhook", "name": "Hook", "enabled": false,
                    "config": { "url": "https://hooks.example.com/", "headers": { "authorization": "secret" } } }),
        ),
    ] {
        let answer = manage(&platform, Method::POST, path, &body.to_string()).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
    }
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "insert into identity.preset (id, tenant_id, workspace_id, slug, name, creator)
             values ('{id}', '{tenant}', '{id}', 'ours', 'Ours', 'test');
         insert into identity.preset_version (id, tenant_id, preset_id, version, config, creator)
             values ('{id}', '{tenant}', '{id}', 1, '{{}}', 'test');
         update identity.preset set designated_version_id = '{id}' where id = '{id}';",
        tenant = platform.tenant
    )))
    .execute(&owner(&platform).await)
    .await
    .unwrap();
    for table in TABLES {
        assert_eq!(left(&platform, table, id).await, 1, "{table}");
    }
    assert_eq!(manage(&platform, Method::DELETE, "/workspaces/team", "").await.status, 200);
    for table in TABLES {
        assert_eq!(left(&platform, table, id).await, 0, "{table}");
    }
    let sealed: i64 = sqlx::query_scalar(
        "select count(*) from identity.destination where workspace_id = $1 and sealed <> ''",
    )
    .bind(id)
    .fetch_one(&owner(&platform).await)
    .await
    .unwrap();
    assert_eq!(sealed, 0, "a secret is left");
    platform.stop().await;
}

#[tokio::test]
async fn the_default_workspace_and_one_with_live_keys_stay() {
    let platform = Platform::start().await;
    let refused = manage(&platform, Method::DELETE, "/workspaces/default", "").await;
    assert_eq!(refused.error().0, 403);
    let made = post(&platform, json!({ "name": "Team", "slug": "team" })).await.json();
    let id = made["data"]["id"].as_str().unwrap();
    put_key(&platform, id, "one").await.unwrap();
    let budget = format!("/workspaces/{id}/budgets/daily");
    assert_eq!(manage(&platform, Method::PUT, &budget, r#"{"limit_usd":5}"#).await.status, 200);
    let database = owner(&platform).await;
    for statement in ["select 1", "update identity.api_key set disabled = true where name = 'n'"] {
        sqlx::query(statement).execute(&database).await.unwrap();
        let refused = manage(&platform, Method::DELETE, "/workspaces/team", "").await;
        assert_eq!(refused.error().0, 400);
        assert!(refused.text().contains("1 live API keys"), "{}", refused.text());
    }
    sqlx::query("update identity.api_key set expires_at = now() where name = 'n'")
        .execute(&database)
        .await
        .unwrap();
    assert_eq!(manage(&platform, Method::DELETE, "/workspaces/team", "").await.status, 200);
    assert_eq!(platform.budgets.with(|kept| kept.budgets.len()), 0, "its budgets go with it");
    let refused = put_key(&platform, id, "two").await.unwrap_err().to_string();
    assert!(refused.contains("the workspace of a key does not exist"), "{refused}");
    platform.stop().await;
}

#[tokio::test]
async fn what_cannot_be_a_workspace_is_refused_and_named() {
    let platform = Platform::start().await;
    for (body, member) in [
        (json!({ "name": "A" }), "slug"),
        (json!({ "name": "", "slug": "a" }), "name"),
        (json!({ "name": "x".repeat(101), "slug": "a" }), "name"),
        (json!({ "name": "A", "slug": "a--b" }), "slug"),
        (json!({ "name": "A", "slug": "default" }), "slug"),
        (json!({ "name": "A", "slug": Uuid::now_v7() }), "slug"),
        (json!({ "name": "A", "slug": "a", "description": "x".repeat(501) }), "description"),
        (json!({ "name": "A", "slug": "a", "default_provider_sort": "cheap" }), "default_provider_sort"),
        (json!({ "name": "A", "slug": "a", "default_text_model": "" }), "default_text_model"),
        (json!({ "name": "A", "slug": "a", "io_logging_sampling_rate": 2 }), "io_logging_sampling_rate"),
        (json!({ "name": "A", "slug": "a", "disabled_server_tools": ["web"] }), "disabled_server_tools"),
        (json!({ "name": "A", "slug": "a", "is_observability_broadcast_enabled": "yes" }), "boolean"),
    ] {
        let refused = post(&platform, body.clone()).await;
        assert_eq!(refused.error().0, 400, "{body}");
        assert!(refused.text().contains(member), "{body}: {}", refused.text());
    }
    assert_eq!(patch(&platform, "/workspaces/default", json!({ "slug": "A" })).await.error().0, 400);
    for query in ["?limit=0", "?limit=101", "?offset=-1", "?limit=many"] {
        assert_eq!(manage(&platform, Method::GET, &format!("/workspaces{query}"), "").await.error().0, 400);
    }
    assert_eq!(manage(&platform, Method::GET, "/workspaces", "").await.json()["total_count"], 1);
    platform.stop().await;
}

#[tokio::test]
async fn other_organisations_workspaces_are_not_there() {
    let platform = Platform::start().await;
    let foreign = foreign(&platform).await;
    for name in [foreign.to_string(), Uuid::now_v7().to_string(), "elsewhere".to_owned(), "%00".to_owned()] {
        let path = format!("/workspaces/{name}");
        for (method, path) in [
            (Method::GET, path.clone()),
            (Method::PATCH, path.clone()),
            (Method::DELETE, path.clone()),
            (Method::GET, format!("{path}/members")),
        ] {
            assert_eq!(manage(&platform, method, &path, "{}").await.error().0, 404, "{path}");
        }
        for action in ["add", "remove"] {
            let body = json!({ "user_ids": [Uuid::now_v7()] }).to_string();
            let path = format!("{path}/members/{action}");
            assert_eq!(manage(&platform, Method::POST, &path, &body).await.error().0, 404, "{path}");
        }
    }
    let still: bool = sqlx::query_scalar("select deleted_at is null from identity.workspace where id = $1")
        .bind(foreign)
        .fetch_one(&owner(&platform).await)
        .await
        .unwrap();
    assert!(still);
    platform.stop().await;
}

#[tokio::test]
async fn who_may_read_and_who_may_change_workspaces() {
    let platform = Platform::start().await;
    let body = r#"{"name":"Crew"}"#;
    for (role, status) in
        [("viewer", 403), ("developer", 403), ("billing", 403), ("admin", 200), ("owner", 200)]
    {
        let person = Person::join(&platform, role, role).await;
        for path in
            ["/workspaces", "/workspaces/default", "/workspaces/default/members", "/organization/members"]
        {
            assert_eq!(person.call(&platform, Method::GET, path, "").await.status, 200, "{role} {path}");
        }
        for path in ["/workspaces/default", "/organization"] {
            let answer = person.call(&platform, Method::PATCH, path, body).await;
            assert_eq!(answer.status, status, "{role} {path}");
        }
        let new = json!({ "name": role, "slug": role }).to_string();
        let made = person.call(&platform, Method::POST, "/workspaces", &new).await;
        assert_eq!(made.status, if status == 200 { 201 } else { status }, "{role}");
        if status == 200 {
            assert_eq!(made.json()["data"]["created_by"], person.id.to_string());
        }
        let people = json!({ "user_ids": [person.id] }).to_string();
        let added = person.call(&platform, Method::POST, "/workspaces/default/members/add", &people).await;
        assert_eq!(added.status, status, "{role}");
    }
    let path = "/api/v1/workspaces";
    assert_eq!(platform.get(path, Some(platform.demo.api_key.expose())).await.error().0, 403);
    assert_eq!(platform.get(path, None).await.error().0, 401);
    platform.stop().await;
}

async fn ask(platform: &Platform, path: &str, body: Value) -> Answer {
    let key = platform.demo.api_key.expose();
    platform.call(Method::POST, &format!("/api/v1{path}"), Some(key), &body.to_string()).await
}

fn plan(platform: &Platform) -> PlanRequest {
    platform.router.with(|said| said.plans.pop().unwrap())
}

/// The model that was planned for, the sort that was meant, and the model in the body that the worker was given.
async fn routed(platform: &Platform, path: &str, body: Value) -> (String, String, Value) {
    let answer = ask(platform, path, body).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    let plan = plan(platform);
    let start = platform.worker.with(|seen| seen.starts.pop().unwrap());
    let sent: Value = serde_json::from_slice(&start.body).unwrap();
    (plan.models.join(" "), plan.provider.unwrap().default_sort, sent["model"].clone())
}

#[tokio::test]
async fn requests_get_what_they_leave_open_from_the_workspace_then_the_organisation() {
    let platform = Platform::start().await;
    let turns = json!([{ "role": "user", "content": "Hi" }]);
    let bodies = [
        ("/chat/completions", json!({ "messages": turns })),
        ("/chat/completions", json!({ "prompt": "Hi" })),
        ("/completions", json!({ "prompt": "Hi" })),
        ("/responses", json!({ "input": "Hi" })),
        ("/messages", json!({ "messages": turns, "max_tokens": 9 })),
    ];
    // Nobody says anything yet.
    for (path, body) in &bodies {
        assert_eq!(ask(&platform, path, body.clone()).await.status, 400, "{path}");
    }
    let account = json!({ "default_text_model": "acme/account", "default_provider_sort": "price" });
    assert_eq!(patch(&platform, "/organization", account).await.status, 200);
    for (path, body) in &bodies {
        let expected = ("acme/account".to_owned(), "price".to_owned(), json!("acme/account"));
        assert_eq!(routed(&platform, path, body.clone()).await, expected, "{path}");
    }
    let count = json!({ "messages": turns });
    assert_eq!(ask(&platform, "/messages/count_tokens", count).await.status, 200);

    let own = json!({ "default_text_model": "acme/team", "default_image_model": "acme/paint" });
    assert_eq!(patch(&platform, "/workspaces/default", own).await.status, 200);
    for (path, body) in &bodies {
        let expected = ("acme/team".to_owned(), "price".to_owned(), json!("acme/team"));
        assert_eq!(routed(&platform, path, body.clone()).await, expected, "{path}");
    }
    let body = json!({ "messages": turns, "modalities": ["image", "text"] });
    assert_eq!(routed(&platform, "/chat/completions", body).await.0, "acme/paint");
    // A text model embeds nothing: only the sort applies.
    assert_eq!(ask(&platform, "/embeddings", json!({ "input": "Hi" })).await.status, 400);
    let sorted = routed(&platform, "/embeddings", json!({ "model": "acme/embed", "input": "Hi" })).await;
    assert_eq!(sorted, ("acme/embed".to_owned(), "price".to_owned(), json!("acme/embed")));
    platform.stop().await;
}

#[tokio::test]
async fn plugins_come_from_the_workspace_then_the_organisation_unless_they_are_final() {
    let platform = Platform::start().await;
    let planned = async |plugins: Value| {
        let body = json!({ "model": "openrouter/auto", "plugins": plugins,
                           "messages": [{ "role": "user", "content": "Hi" }] });
        assert_eq!(ask(&platform, "/chat/completions", body).await.status, 200);
        let planned = plan(&platform).plugins_json;
        if planned.is_empty() { json!([]) } else { serde_json::from_str::<Value>(&planned).unwrap() }
    };
    let auto = |pattern: &str| json!({ "id": "auto-router", "allowed_models": [pattern] });
    let account = json!({ "default_plugins": [auto("account/*"), { "id": "web" }] });
    let shown = patch(&platform, "/organization", account.clone()).await.json();
    assert_eq!(shown["data"]["default_plugins"], account["default_plugins"]);
    assert_eq!(planned(json!([])).await, json!([auto("account/*")]));
    let own = json!({ "default_plugins": [auto("team/*")] });
    let shown = patch(&platform, "/workspaces/default", own.clone()).await.json();
    assert_eq!(
        (&shown["data"]["default_plugins"], &shown["data"]["prevent_plugin_overrides"]),
        (&own["default_plugins"], &json!(false))
    );
    assert_eq!(planned(Value::Null).await, json!([auto("team/*")]));
    assert_eq!(planned(json!([auto("mine/*")])).await, json!([auto("mine/*")]));
    assert_eq!(planned(json!([{ "id": "auto-router", "enabled": false }])).await, json!([]));
    let last = json!({ "prevent_plugin_overrides": true });
    assert_eq!(patch(&platform, "/workspaces/default", last.clone()).await.status, 200);
    assert_eq!(planned(json!([auto("mine/*")])).await, json!([auto("team/*")]));
    assert_eq!(patch(&platform, "/organization", last).await.status, 200);
    assert_eq!(planned(json!([auto("mine/*")])).await, json!([auto("account/*")]));
    for (path, wrong) in
        [("/organization", json!([{ "id": "nothing" }])), ("/workspaces/default", json!("web"))]
    {
        let refused = patch(&platform, path, json!({ "default_plugins": wrong })).await;
        assert_eq!(refused.error().0, 400, "{path}");
    }
    let none = json!({ "default_plugins": null });
    assert_eq!(patch(&platform, "/organization", none).await.json()["data"]["default_plugins"], Value::Null);
    platform.stop().await;
}

#[tokio::test]
async fn requests_that_say_it_themselves_get_nothing_of_their_workspace() {
    let platform = Platform::start().await;
    let own = json!({ "default_text_model": "acme/team", "default_provider_sort": "throughput" });
    assert_eq!(patch(&platform, "/workspaces/default", own).await.status, 200);
    let turns = json!([{ "role": "user", "content": "Hi" }]);
    for (path, mut body) in [
        ("/chat/completions", json!({ "messages": turns })),
        ("/responses", json!({ "input": "Hi" })),
        ("/messages", json!({ "messages": turns, "max_tokens": 9 })),
        ("/embeddings", json!({ "input": "Hi" })),
    ] {
        body["model"] = json!("acme/mine");
        body["provider"] = json!({ "sort": "price" });
        assert_eq!(ask(&platform, path, body).await.status, 200, "{path}");
        let plan = plan(&platform);
        let provider = plan.provider.unwrap();
        // The router keeps what is the request's before what is the account's.
        assert_eq!(
            (plan.models.join(" ").as_str(), provider.sort.as_str()),
            ("acme/mine", "price"),
            "{path}"
        );
    }
    let body = json!({ "models": ["acme/mine", "acme/other"], "messages": turns });
    assert_eq!(routed(&platform, "/chat/completions", body).await.0, "acme/mine acme/other");
    // What is wrong with a body is still said of the body.
    let refused = ask(&platform, "/chat/completions", json!({ "messages": "Hi" })).await;
    assert_eq!(refused.error().0, 400);
    assert!(refused.text().contains("messages"), "{}", refused.text());

    // A preset goes before the workspace, and what it leaves open the workspace says.
    let key = platform.demo.api_key.expose();
    for (slug, body) in
        [("named", json!({ "model": "acme/preset" })), ("open", json!({ "temperature": 0.5 }))]
    {
        let path = format!("/api/v1/presets/{slug}/chat/completions");
        assert_eq!(platform.call(Method::POST, &path, Some(key), &body.to_string()).await.status, 200);
    }
    let with = |slug: &str| json!({ "preset": slug, "messages": turns });
    assert_eq!(routed(&platform, "/chat/completions", with("named")).await.0, "acme/preset");
    assert_eq!(routed(&platform, "/chat/completions", with("open")).await.0, "acme/team");
    platform.stop().await;
}

#[tokio::test]
async fn a_disabled_server_tool_is_refused_wherever_it_is_named() {
    let platform = Platform::start().await;
    let own = json!({ "disabled_server_tools": ["openrouter:web_search"] });
    assert_eq!(patch(&platform, "/workspaces/default", own).await.status, 200);
    let with = |tool: &str| json!({ "model": "acme/echo", "messages": [{ "role": "user", "content": "Hi" }], "tools": [{ "type": tool }] });
    let refused = ask(&platform, "/chat/completions", with("openrouter:web_search")).await;
    assert_eq!(refused.error(), (403, 403, "permission_denied".to_owned()));
    assert!(refused.text().contains("openrouter:web_search"), "{}", refused.text());
    assert_eq!(ask(&platform, "/chat/completions", with("openrouter:datetime")).await.status, 200);
    assert_eq!(
        patch(&platform, "/workspaces/default", json!({ "disabled_server_tools": [] })).await.status,
        200
    );
    assert_eq!(ask(&platform, "/chat/completions", with("openrouter:web_search")).await.status, 200);
    platform.stop().await;
}

#[tokio::test]
async fn another_edge_hears_what_a_workspace_says_now() {
    let platform = Platform::start().await;
    let second = platform.second_edge("").await;
    let key = format!("Bearer {}", platform.demo.api_key.expose());
    let ask = async || {
        let headers = [("authorization", key.as_str())];
        let body = r#"{"messages":[{"role":"user","content":"Hi"}]}"#;
        crate::support::client::send(second.address, Method::POST, "/api/v1/chat/completions", &headers, body)
            .await
            .status()
    };
    assert_eq!(ask().await, 400);
    let own = json!({ "default_text_model": "acme/team" });
    assert_eq!(patch(&platform, "/workspaces/default", own).await.status, 200);
    eventually("the other edge hears of it", async || (ask().await == 200).then_some(())).await;
    second.stop().await;
    platform.stop().await;
}

#[tokio::test]
async fn default_plugins_that_no_request_could_have_are_refused_and_older_ones_shown_as_broken() {
    let platform = Platform::start().await;
    let wrong = json!({ "default_plugins": [{ "id": "auto-router", "nonsense": 1 }] });
    let mut new = wrong.clone();
    new.as_object_mut().unwrap().extend(json!({ "name": "New", "slug": "new" }).as_object().unwrap().clone());
    for refused in [
        patch(&platform, "/workspaces/default", wrong.clone()).await,
        patch(&platform, "/organization", wrong.clone()).await,
        post(&platform, new).await,
    ] {
        assert_eq!(refused.error().0, 400);
        assert!(
            refused.text().contains("default_plugins: it has no member `nonsense`"),
            "{}",
            refused.text()
        );
    }
    platform.router.with(|said| said.is_away = true);
    let good = json!({ "default_plugins": [{ "id": "pareto-router" }] });
    assert_eq!(patch(&platform, "/workspaces/default", good.clone()).await.status, 503, "nobody can tell");
    platform.router.with(|said| said.is_away = false);
    assert_eq!(patch(&platform, "/organization", good).await.status, 200);

    // As it was good once.
    let statement = "update identity.workspace set default_plugins = $1 where tenant_id = $2 and is_default";
    sqlx::query(statement)
        .bind(&wrong["default_plugins"])
        .bind(platform.tenant.uuid())
        .execute(&owner(&platform).await)
        .await
        .unwrap();
    let shown = manage(&platform, Method::GET, "/workspaces/default", "").await.json();
    assert_eq!(shown["data"]["default_plugins"], wrong["default_plugins"]);
    assert_eq!(shown["data"]["default_plugins_error"], "it has no member `nonsense`");
    let listed = manage(&platform, Method::GET, "/workspaces", "").await.json();
    assert_eq!(listed["data"][0], shown["data"]);
    let account = manage(&platform, Method::GET, "/organization", "").await.json();
    assert_eq!(account["data"]["default_plugins_error"], Value::Null);
    platform.router.with(|said| said.is_away = true);
    let shown = manage(&platform, Method::GET, "/workspaces/default", "").await.json();
    assert_eq!(shown["data"]["default_plugins_error"], Value::Null, "settings are shown without the router");
    platform.router.with(|said| said.is_away = false);

    // The router is told which entries it may leave out.
    let body = json!({ "model": "openrouter/auto", "plugins": [{ "id": "cheapest-router" }],
                       "messages": [{ "role": "user", "content": "Hi" }] });
    eventually("the key's context is of now", async || {
        assert_eq!(ask(&platform, "/chat/completions", body.clone()).await.status, 200);
        (plan(&platform).default_plugins == ["pareto-router", "auto-router"]).then_some(())
    })
    .await;
    platform.stop().await;
}
