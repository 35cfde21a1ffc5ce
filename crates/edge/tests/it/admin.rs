//! The operators' API.

use http::Method;
use rpc::billing::Standing;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::Platform;
use crate::support::person::{Letters, Person};

#[tokio::test]
async fn only_operators_come_in() {
    let platform = Platform::start().await;
    for key in [
        None,
        Some("pb-op-wrong"),
        Some(platform.demo.api_key.expose()),
        Some(platform.demo.management_key.expose()),
    ] {
        let answer = platform.call(Method::GET, "/admin/v1/catalogue", key, "").await;
        assert_eq!(answer.error().0, 401);
    }
    assert_eq!(platform.admin(Method::GET, "/catalogue", "").await.json()["providers"][0]["slug"], "acme");
    let providers = platform.admin(Method::GET, "/providers", "").await.json();
    assert_eq!(providers, json!({ "version": 7, "data": [{ "slug": "acme" }], "next": null }));
    let endpoints = platform.admin(Method::GET, "/endpoints", "").await.json();
    assert_eq!(
        (endpoints["data"][0]["id"].as_str(), endpoints["data"][0]["model"].as_str()),
        (Some("e1"), Some("acme/echo"))
    );
    let prices = platform.admin(Method::GET, "/prices", "").await.json();
    assert_eq!(
        (prices["data"][0]["endpoint_id"].as_str(), prices["data"][0]["price"]["id"].as_str()),
        (Some("e1"), Some("p1"))
    );
    platform.stop().await;
}

#[tokio::test]
async fn organisations_are_found_by_name_slug_or_id_and_come_in_pages() {
    let platform = Platform::start().await;
    let mut ids = Vec::new();
    for (name, slug) in [("Acme Rockets", "rockets"), ("Widgets & Co", "acme-widgets"), ("Zeta", "zeta")] {
        let body = json!({ "name": name, "slug": slug }).to_string();
        let made = platform.admin(Method::POST, "/tenants", &body).await.json();
        ids.push(made["id"].as_str().unwrap().to_owned());
    }
    let list = async |query: &str| platform.admin(Method::GET, &format!("/tenants{query}"), "").await.json();
    let slugs = |page: &Value| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|row| row["slug"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(slugs(&list("?search=aCmE").await), ["rockets", "acme-widgets"]);
    assert_eq!(slugs(&list(&format!("?search={}", ids[2])).await), ["zeta"]);
    assert!(slugs(&list("?search=100%25").await).is_empty(), "a pattern is only a text");
    let first = list("?search=acme&limit=1").await;
    assert_eq!((slugs(&first), &first["next"]), (vec!["rockets".to_owned()], &json!(ids[0])));
    let second = list(&format!("?search=acme&limit=1&cursor={}", ids[0])).await;
    assert_eq!((slugs(&second), &second["next"]), (vec!["acme-widgets".to_owned()], &Value::Null));

    // With what billing says of them, where it says something.
    assert_eq!(second["data"][0]["plan"], Value::Null);
    platform.plans.with(|kept| {
        kept.standings = vec![Standing {
            tenant_id: ids[1].clone(),
            plan: "gold".to_owned(),
            is_postpaid: true,
            balance: -1_500_000_000,
        }];
    });
    let row = list("?search=widgets").await["data"][0].take();
    assert_eq!(
        (&row["plan"], &row["balance"], &row["is_postpaid"]),
        (&json!("gold"), &json!("-1.5"), &json!(true))
    );
    for bad in ["?limit=x", "?cursor=x", "?name=x"] {
        assert_eq!(platform.admin(Method::GET, &format!("/tenants{bad}"), "").await.error().0, 400, "{bad}");
    }
    platform.stop().await;
}

#[tokio::test]
async fn a_replay_says_how_far_it_is_to_whoever_wants_to_know() {
    let platform = Platform::start().await;
    let bearer = format!("Bearer {}", platform.demo.admin_token.expose());
    let headers = [("authorization", bearer.as_str()), ("accept", "text/event-stream")];
    let events = platform.call_with(Method::POST, "/admin/v1/route/replay", &headers, "{}").await;
    assert_eq!((events.status.as_u16(), events.header("content-type")), (200, "text/event-stream"));
    assert_eq!(
        events.text(),
        "event: progress\ndata: {\"done\":0,\"total\":3}\n\nevent: progress\ndata: {\"done\":2,\"total\":3}\n\n\
         event: result\ndata: {\"decisions\":3}\n\n"
    );
    // What is kept under a name is a whole answer.
    let named = [headers[0], headers[1], ("idempotency-key", "one")];
    let whole = platform.call_with(Method::POST, "/admin/v1/route/replay", &named, "{}").await;
    assert_eq!(whole.json(), json!({ "decisions": 3 }));
    platform.stop().await;
}

#[tokio::test]
async fn a_tenant_is_made_given_credit_and_a_key_that_serves() {
    let platform = Platform::start().await;
    let body = r#"{"name":"Acme","slug":"acme","plan":"gold","markup_basis_points":750}"#;
    let made = platform.admin(Method::POST, "/tenants", body).await;
    assert_eq!(made.status, 201);
    let tenant = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(platform.admin(Method::POST, "/tenants", body).await.error().0, 409);
    let slip = r#"{"name":"Slip","slug":"slip","plan":"glod"}"#;
    let refused = platform.admin(Method::POST, "/tenants", slip).await;
    assert!(refused.status == 400 && refused.text().contains("glod"), "{}", refused.text());
    let listed = platform.admin(Method::GET, "/tenants", "").await.json();
    let slugs: Vec<&str> =
        listed["data"].as_array().unwrap().iter().filter_map(|row| row["slug"].as_str()).collect();
    assert_eq!(slugs, ["demo", "demo-markup", "acme"]);
    assert_eq!(listed["next"], Value::Null);

    let grant = r#"{"amount":"25.50","kind":"purchase","reason":"invoice 7","source_id":"inv-7"}"#;
    for _ in 0..2 {
        let granted = platform.admin(Method::POST, &format!("/tenants/{tenant}/credits"), grant).await;
        assert_eq!(granted.json()["balance"], "25.5");
    }
    let body = r#"{"name":"ci","limit":"1.25","limit_reset":"daily","rate_limit_rpm":600}"#;
    let made = platform.admin(Method::POST, &format!("/tenants/{tenant}/keys"), body).await;
    assert_eq!(made.status, 201);
    let json = made.json();
    let key = json["key"].as_str().unwrap();
    assert_eq!(
        (json["data"]["limit"].as_str(), json["data"]["kind"].as_str()),
        (Some("1.25"), Some("inference"))
    );
    let limit = platform.billing.with(|heard| heard.limits.remove(0));
    assert_eq!((limit.limit, limit.reset.as_str()), (Some(1_250_000_000), "daily"));
    let chat = r#"{"model":"acme/echo","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;
    assert_eq!(platform.chat_as(key, chat).await.status, 200);
    assert_eq!(platform.witness().await.tenant_id, tenant);

    let hash = json["data"]["hash"].as_str().unwrap();
    let changed =
        platform.admin(Method::PATCH, &format!("/keys/{hash}"), r#"{"limit":null,"name":"ci 2"}"#).await;
    assert_eq!(
        (changed.json()["data"]["limit"].is_null(), changed.json()["data"]["name"].as_str()),
        (true, Some("ci 2"))
    );
    assert_eq!(platform.billing.with(|heard| heard.limits.remove(0).limit), None);
    let keys = platform.admin(Method::GET, &format!("/tenants/{tenant}/keys"), "").await.json();
    assert_eq!(keys["data"].as_array().map(Vec::len), Some(1));
    assert!(!keys.to_string().contains(key));
    let balance = platform.admin(Method::GET, &format!("/tenants/{tenant}/balance"), "").await.json();
    assert_eq!(balance["held"], "0.00025");

    let audit: Vec<String> = {
        let mut tx = platform.pool.begin().await.unwrap();
        sqlx::query("select set_config('app.tenant', $1, true)")
            .bind(&tenant)
            .execute(&mut *tx)
            .await
            .unwrap();
        sqlx::query_scalar("select action from identity.audit_log order by id")
            .fetch_all(&mut *tx)
            .await
            .unwrap()
    };
    assert_eq!(audit, ["tenant.create", "credit.grant", "key.create", "key.change"]);
    platform.stop().await;
}

#[tokio::test]
async fn any_provider_can_be_added() {
    let platform = Platform::start().await;
    let body = json!({
        "slug": "local", "base_url": "http://127.0.0.1:9/v1", "dialect": "openai", "credential": "secret-1",
        "quirks": { "max_tokens": "max_tokens" },
        "timeouts": { "connect_ms": 1, "first_token_ms": 2, "stall_ms": 3, "total_ms": 4 },
    });
    let made = platform.admin(Method::POST, "/providers", &body.to_string()).await;
    assert_eq!(made.json(), json!({ "id": "made", "catalogue_version": 7 }));
    let put = platform.router.with(|said| said.providers.remove(0));
    assert_eq!((put.slug.as_str(), put.credential.as_deref()), ("local", Some("secret-1")));
    let changes: serde_json::Value = serde_json::from_str(&put.changes_json).unwrap();
    let sent = json!({ "base_url": body["base_url"], "dialect": "openai", "quirks": body["quirks"],
                       "timeouts": body["timeouts"] });
    assert_eq!((changes, put.actor.as_str(), put.must_exist), (sent, "operator:admin", false));

    let body = r#"{"endpoint_id":"e","price":{"base":{"input":"0.0000025","output":"0.00001"}}}"#;
    assert_eq!(platform.admin(Method::POST, "/prices", body).await.status, 200);
    let put = platform.router.with(|said| said.prices.remove(0));
    assert_eq!(put.price.unwrap().base.unwrap().input, Some(2_500_000));
    let endpoint =
        r#"{"model":"a/b","provider":"local","provider_model":"b","context_length":1,"price":{"base":{}}}"#;
    assert_eq!(platform.admin(Method::POST, "/endpoints", endpoint).await.error().0, 404);
    assert_eq!(
        platform.admin(Method::POST, "/models", r#"{"slug":"a/b","context_length":1}"#).await.status,
        200
    );
    platform.stop().await;
}

#[tokio::test]
async fn the_catalogue_is_changed_row_by_row_and_what_is_deleted_is_switched_off() {
    let platform = Platform::start().await;
    let dry = platform.admin(Method::PATCH, "/providers/acme", r#"{"name":"A","dry_run":true}"#).await;
    assert_eq!(dry.json(), json!({ "dry_run": true }));
    let put = platform.router.with(|said| said.providers.remove(0));
    assert_eq!((put.slug.as_str(), put.changes_json.as_str()), ("acme", r#"{"name":"A"}"#));
    assert!(put.must_exist && put.dry_run);
    let off = platform.admin(Method::DELETE, "/models/acme/echo:free", "").await;
    assert_eq!(off.json(), json!({ "id": "made", "catalogue_version": 7, "disabled": true }));
    let put = platform.router.with(|said| said.models.remove(0));
    assert_eq!((put.slug.as_str(), put.changes_json.as_str()), ("acme/echo:free", r#"{"disabled":true}"#));
    let body = r#"{"region":null,"price":{"base":{"input":"0.000001"}}}"#;
    assert_eq!(platform.admin(Method::PATCH, "/endpoints/e1", body).await.status, 200);
    let put = platform.router.with(|said| said.endpoints.remove(0));
    assert_eq!((put.endpoint_id.as_str(), put.changes_json.as_str()), ("e1", r#"{"region":null}"#));
    assert_eq!(put.price.unwrap().base.unwrap().input, Some(1_000_000));
    // What belongs to no tenant is for the owner of the database to read.
    let owner = sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap();
    let query = "select action from identity.audit_log where tenant_id is null order by id";
    let written: Vec<String> = sqlx::query_scalar(query).fetch_all(&owner).await.unwrap();
    owner.close().await;
    assert_eq!(written, ["model.disable", "endpoint.change"], "a dry run changes nothing");
    platform.stop().await;
}

#[tokio::test]
async fn several_changes_of_the_catalogue_are_one_call() {
    let platform = Platform::start().await;
    let mut body = json!({ "changes": [
        { "provider": { "slug": "local", "credential": "secret-1", "dialect": "openai" } },
        { "model": { "slug": "a/b", "context_length": 1 } },
        { "endpoint": { "model": "a/b", "provider": "local", "price": { "base": { "input": "0.000001" } } } },
        { "price": { "endpoint_id": "e", "price": { "base": { "input": "0.000002" } }, "force": true } },
    ] });
    let made = platform.admin(Method::POST, "/catalogue", &body.to_string()).await;
    assert_eq!(made.json(), json!({ "changes": vec![json!({ "id": "made" }); 4], "catalogue_version": 7 }));
    let sent = platform.router.with(|said| said.imports.remove(0));
    assert_eq!((sent.changes.len(), sent.actor.as_str(), sent.dry_run), (4, "operator:admin", false));
    body["dry_run"] = true.into();
    let told = platform.admin(Method::POST, "/catalogue", &body.to_string()).await.json();
    assert_eq!(told, json!({ "dry_run": true, "changes": vec![json!({ "dry_run": true }); 4] }));
    body["changes"][2]["endpoint"]["price"]["base"]["input"] = "dear".into();
    let refused = platform.admin(Method::POST, "/catalogue", &body.to_string()).await;
    assert!(refused.status == 400 && refused.text().contains("changes[2]: "), "{}", refused.text());
    let owner = sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap();
    let query = "select action || details from identity.audit_log where tenant_id is null order by id";
    let written: Vec<String> = sqlx::query_scalar(query).fetch_all(&owner).await.unwrap();
    owner.close().await;
    assert_eq!(written, [r#"catalogue.import{"changes": 4}"#], "a dry run and a refusal change nothing");
    platform.stop().await;
}

#[tokio::test]
async fn prices_are_set_for_later_listed_and_withdrawn() {
    let platform = Platform::start().await;
    let body = json!({
        "endpoint_id": "e", "effective_at": "2099-01-01T00:00:00Z", "source": "https://acme.example/pricing",
        "price": { "base": { "input": "0.00001" }, "windows": [
            { "utc_start": "1630", "utc_end": "0030", "base": { "input": "0.000005" } } ] },
    });
    assert_eq!(platform.admin(Method::POST, "/prices", &body.to_string()).await.status, 200);
    let put = platform.router.with(|said| said.prices.remove(0));
    assert_eq!(
        (put.effective_at.as_str(), put.windows[0].utc_end.as_str()),
        ("2099-01-01T00:00:00Z", "0030")
    );
    assert_eq!(put.source, "https://acme.example/pricing");
    let listed = platform.admin(Method::GET, "/prices?endpoint=e", "").await.json();
    assert_eq!(listed, json!({ "endpoint_id": "e", "data": [] }));
    assert_eq!(platform.admin(Method::DELETE, "/prices/p1", "").await.status, 200);
    let withdrawn = platform.router.with(|said| said.withdrawals.remove(0));
    assert_eq!((withdrawn.price_id.as_str(), withdrawn.actor.as_str()), ("p1", "operator:admin"));
    platform.stop().await;
}

#[tokio::test]
async fn rows_and_the_record_of_changes_are_asked_for_in_pages() {
    let platform = Platform::start().await;
    for path in ["/models?q=gpt&limit=2&after=a/b", "/models/a/b", "/endpoints?model=a/b&provider=acme"] {
        assert_eq!(platform.admin(Method::GET, path, "").await.status, 200, "{path}");
    }
    let [list, one, endpoints] = platform.router.with(|said| {
        let asked: Vec<_> = said.descriptions.drain(..).collect();
        <[_; 3]>::try_from(asked).unwrap()
    });
    assert_eq!((list.text.as_str(), list.limit, list.after.as_str()), ("gpt", 2, "a/b"));
    assert_eq!((one.resource.as_str(), one.name.as_str()), ("models", "a/b"));
    assert_eq!((endpoints.model.as_str(), endpoints.provider.as_str()), ("a/b", "acme"));
    assert_eq!(platform.admin(Method::GET, "/changes?subject=acme&after=9&limit=5", "").await.status, 200);
    let asked = platform.router.with(|said| said.changes.remove(0));
    assert_eq!((asked.subject.as_str(), asked.after, asked.limit), ("acme", 9, 5));
    assert_eq!(platform.admin(Method::GET, "/changes?colour=red", "").await.error().0, 400);
    platform.stop().await;
}

#[tokio::test]
async fn closed_shapes_refuse_what_they_do_not_know() {
    let platform = Platform::start().await;
    let tenant = platform.tenant;
    let cases = [
        ("/tenants".to_owned(), r#"{"name":"x","slug":"No Slug"}"#, 400),
        ("/tenants".to_owned(), r#"{"name":"x","slug":"x","colour":"red"}"#, 400),
        (format!("/tenants/{tenant}/keys"), r#"{"name":"x","limit":1.5}"#, 400),
        (format!("/tenants/{tenant}/keys"), r#"{"name":"x","limit":"-1"}"#, 400),
        (format!("/tenants/{tenant}/keys"), r#"{"name":"x","rate_limit_rpm":0}"#, 400),
        (format!("/tenants/{tenant}/credits"), r#"{"amount":"0"}"#, 400),
        (format!("/tenants/{}/credits", uuid::Uuid::now_v7()), r#"{"amount":"1"}"#, 404),
        (format!("/tenants/{}/keys", uuid::Uuid::now_v7()), r#"{"name":"x"}"#, 404),
        ("/tenants/nonsense/keys".to_owned(), r#"{"name":"x"}"#, 404),
        ("/prices".to_owned(), r#"{"endpoint_id":"e","price":{"base":{"input":"cheap"}}}"#, 400),
    ];
    for (path, body, status) in cases {
        assert_eq!(platform.admin(Method::POST, &path, body).await.error().0, status, "{path} {body}");
    }
    assert_eq!(platform.admin(Method::PATCH, "/keys/00", "{}").await.error().0, 404);
    let breaches = platform.admin(Method::GET, "/invariants", "").await.json();
    assert_eq!(breaches["breaches"][0]["invariant"], "I1");
    platform.stop().await;
}

#[tokio::test]
async fn setting_up_twice_changes_nothing() {
    let platform = Platform::start().await;
    let channel =
        rpc::Channel::local(rpc::billing::billing_server::BillingServer::new(platform.billing.clone()));
    edge::bootstrap(&platform.pool, &channel, &platform.demo).await.unwrap();
    let keys = platform.admin(Method::GET, &format!("/tenants/{}/keys", platform.tenant), "").await.json();
    assert_eq!(keys["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(platform.billing.with(|heard| heard.grants.len()), 2);
    let metrics = platform.metrics.render();
    assert!(metrics.contains("patchbay_edge_requests_total"), "{metrics}");
    platform.stop().await;
}

#[tokio::test]
async fn decisions_are_listed_and_told_as_the_router_keeps_them() {
    let platform = Platform::start().await;
    let tenant = platform.tenant.to_string();
    let path = format!(
        "/decisions?tenant={tenant}&model=acme/echo&provider=acme&since=2026-01-01T00:00:00Z&after=gen-9&limit=5"
    );
    assert_eq!(platform.admin(Method::GET, &path, "").await.json()["data"][0]["generation_id"], "gen-1");
    let asked = platform.router.with(|said| said.lists.remove(0));
    assert_eq!((asked.tenant_id, asked.model, asked.provider), (tenant, "acme/echo".into(), "acme".into()));
    assert_eq!((asked.since_ms, asked.after.as_str(), asked.limit), (1_767_225_600_000, "gen-9", 5));
    assert_eq!(platform.admin(Method::GET, "/decisions?since=yesterday", "").await.error().0, 400);
    assert_eq!(platform.admin(Method::GET, "/decisions?sinse=x", "").await.error().0, 400);

    let generation = identity::GenerationId::generate().to_string();
    let told = platform.admin(Method::GET, &format!("/decisions/{generation}"), "").await.json();
    assert_eq!(told["replay"]["identical"], true);
    assert_eq!(platform.router.with(|said| said.reads.remove(0)).generation_id, generation);
    assert_eq!(platform.admin(Method::GET, "/decisions/gen-7", "").await.error().0, 404);
    assert_eq!(platform.get("/admin/v1/decisions", None).await.error().0, 401);
    platform.stop().await;
}

#[tokio::test]
async fn a_chat_is_explained_as_it_would_be_routed_and_nothing_runs() {
    let platform = Platform::start().await;
    let body = r#"{"model":"acme/echo","provider":{"sort":"price"},"service_tier":"flex","session_id":"s",
        "tools":[{"type":"function","function":{"name":"f"}}],"max_tokens":7,
        "messages":[{"role":"user","content":"Hello"}]}"#;
    let path = format!("/route/explain?tenant={}&region=eu&seed=18446744073709551615", platform.tenant);
    let told = platform.admin(Method::POST, &path, body).await;
    assert_eq!((told.status.as_u16(), told.json()["strategy"].as_str()), (200, Some("alias")));
    let plan = platform.router.with(|said| said.plans.remove(0));
    assert!(plan.explain && plan.dry_run && plan.generation_id.is_empty());
    assert_eq!((plan.seed, plan.region.as_str(), plan.service_tier.as_str()), (u64::MAX, "eu", "flex"));
    assert_eq!((plan.sticky_key.len(), plan.tenant_id), (16, platform.tenant.to_string()));
    assert_eq!(plan.provider.unwrap().sort, "price");
    let profile = plan.profile.unwrap();
    assert_eq!((profile.max_tokens, profile.body_bytes), (Some(7), body.len() as u64));
    assert!(profile.parameters.contains(&"tools".to_owned()));

    let short = r#"{"model":"acme/echo","messages":[{"role":"user","content":"Hello"}]}"#;
    assert_eq!(platform.admin(Method::POST, "/route/explain", short).await.status, 200);
    assert!(platform.router.with(|said| said.plans.remove(0)).sticky_key.is_empty());
    assert_eq!(
        platform.admin(Method::POST, "/route/explain", &short.replace("model", "modl")).await.error().0,
        400
    );
    assert_eq!(platform.admin(Method::POST, "/route/explain?tenant=x", short).await.error().0, 404);
    assert!(platform.billing.with(|heard| heard.witnesses.is_empty()));
    platform.stop().await;
}

#[tokio::test]
async fn a_replay_is_asked_of_the_router_with_everything_that_is_to_change() {
    let platform = Platform::start().await;
    let body = json!({
        "since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00+01:00", "limit": 9,
        "policy": { "max_attempts": 2 }, "disable": ["acme"], "markup": 500,
        "prices": [{ "endpoint_id": "e1", "price": { "base": { "input": "0.000001", "output": "0.000002" } } }],
    });
    let report = platform.admin(Method::POST, "/route/replay", &body.to_string()).await;
    assert_eq!(report.json()["decisions"], 3);
    let asked = platform.router.with(|said| said.replays.remove(0));
    assert_eq!((asked.since_ms, asked.until_ms, asked.limit), (1_767_225_600_000, 1_767_308_400_000, 9));
    assert_eq!(
        (asked.policy_json.as_str(), asked.disable),
        (r#"{"max_attempts":2}"#, vec!["acme".to_owned()])
    );
    assert_eq!((asked.markup_basis_points, asked.prices[0].endpoint_id.as_str()), (Some(500), "e1"));
    assert_eq!(asked.prices[0].price.as_ref().unwrap().base.unwrap().output, Some(2_000_000));
    assert_eq!(platform.admin(Method::POST, "/route/replay", r#"{"price":[]}"#).await.error().0, 400);
    assert_eq!(platform.admin(Method::POST, "/route/replay", "{}").await.status, 200);
    platform.stop().await;
}

#[tokio::test]
async fn operators_invite_the_first_owner_of_an_organisation() {
    let letters = Letters::new();
    let platform = Platform::start_with(&letters.config(), None).await;
    let body = json!({ "name": "New", "slug": "new", "owner": "Ada@Example.com" }).to_string();
    let made = platform.admin(Method::POST, "/tenants", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let (tenant, invitation) = (made["id"].as_str().unwrap(), &made["invitation"]);
    let expected = (json!("ada@example.com"), json!("owner"), json!("platform"));
    assert_eq!(
        (invitation["email"].clone(), invitation["role"].clone(), invitation["invited_by"].clone()),
        expected
    );
    let token = letters.token("ada@example.com", "pb-inv-", &[]).await;
    let mut ada = Person::stranger(&platform);
    let accept = json!({ "token": token, "password": "correct horse battery" });
    let joined = ada.call(Method::POST, "/invitations/accept", &accept).await.json();
    assert_eq!((&joined["data"]["organization_id"], &joined["data"]["role"]), (&made["id"], &json!("owner")));

    let path = format!("/tenants/{tenant}/invitations");
    let invited = json!({ "email": "bob@example.com" }).to_string();
    let bearer = format!("Bearer {}", platform.demo.admin_token.expose());
    let named = [("authorization", bearer.as_str()), ("idempotency-key", "one")];
    let once = async || platform.call_with(Method::POST, &format!("/admin/v1{path}"), &named, &invited).await;
    let first = once().await;
    assert_eq!(first.status, 201, "{}", first.text());
    assert_eq!(first.json()["data"]["role"], "owner", "where nothing else is said");
    let again = once().await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.body, first.body);
    let billing = json!({ "email": "cat@example.com", "role": "billing" }).to_string();
    assert_eq!(platform.admin(Method::POST, &path, &billing).await.status, 201);
    let letter = letters.token("bob@example.com", "pb-inv-", &[]).await;
    let mut bob = Person::stranger(&platform);
    let accept = json!({ "token": letter, "password": "correct horse battery" });
    let joined = bob.call(Method::POST, "/invitations/accept", &accept).await.json();
    assert_eq!(joined["data"]["role"], "owner");

    let written: Vec<(String, String)> = sqlx::query_as(
        "select split_part(actor, ':', 1), action from identity.audit_log
         where tenant_id = $1::uuid and action ~ '^(tenant|invitation)' order by at, id",
    )
    .bind(tenant)
    .fetch_all(&sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap())
    .await
    .unwrap();
    let actions: Vec<&str> = written.iter().map(|(_, action)| action.as_str()).collect();
    assert_eq!(actions, ["tenant.create", "invitation.create", "invitation.create", "invitation.create"]);
    assert!(written.iter().all(|(actor, _)| actor == "operator"), "{written:?}");
    platform.stop().await;
}

#[tokio::test]
async fn operators_invite_nobody_where_that_cannot_be() {
    let letters = Letters::new();
    let platform = Platform::start_with(&letters.config(), None).await;
    let here = format!("/tenants/{}/invitations", platform.tenant);
    let nowhere = format!("/tenants/{}/invitations", uuid::Uuid::now_v7());
    for (path, body, status) in [
        (&here, r#"{"email":"admin@patchbay.localhost"}"#, 409),
        (&here, r#"{"email":"nobody"}"#, 400),
        (&here, r#"{"email":"a@example.com","role":"emperor"}"#, 400),
        (&here, r#"{"email":"a@example.com","boss":true}"#, 400),
        (&nowhere, r#"{"email":"a@example.com"}"#, 404),
    ] {
        assert_eq!(platform.admin(Method::POST, path, body).await.error().0, status, "{path} {body}");
    }
    let body = r#"{"name":"New","slug":"new","owner":"nobody"}"#;
    assert_eq!(platform.admin(Method::POST, "/tenants", body).await.error().0, 400);
    assert!(letters.all().is_empty());
    platform.stop().await;

    let mute = Platform::start().await;
    let body = r#"{"name":"New","slug":"new","owner":"a@example.com"}"#;
    let refused = mute.admin(Method::POST, "/tenants", body).await;
    assert_eq!(refused.status, 503);
    assert!(refused.text().contains("edge.mail.smtp_url"), "{}", refused.text());
    let listed = mute.admin(Method::GET, "/tenants?search=new", "").await.json();
    assert_eq!(listed["data"], json!([]), "what is refused makes nothing");
    mute.stop().await;
}
