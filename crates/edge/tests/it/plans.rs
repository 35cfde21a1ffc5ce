//! Plans in the operators' API, and how fast other terms are everybody's.

use http::Method;
use rpc::pricing::MarkupOverride;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::router::attempt;
use crate::support::{Platform, eventually};

const STREAM: &str = r#"{"model":"acme/echo","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;
const TEAM: &str = r#"{
    "markup_basis_points": 1000,
    "markup_overrides": [{"provider":"acme","basis_points":500},{"model":"lab/one","basis_points":0}],
    "purchase_fee": {"basis_points":550,"minimum":"0.80"},
    "own_keys": {"fee_basis_points":400,"monthly_allowance":null},
    "payment": "postpaid",
    "credit_limit": "5000"
}"#;

fn over(provider: &str, basis_points: i32) -> MarkupOverride {
    MarkupOverride { provider: provider.to_owned(), model: String::new(), basis_points }
}

async fn notify(platform: &Platform, payload: &str) {
    sqlx::query("select pg_notify('patchbay_terms', $1)")
        .bind(payload)
        .execute(&platform.pool)
        .await
        .unwrap();
}

/// The provider's override that the last plan was asked for with.
async fn planned(platform: &Platform) -> Vec<MarkupOverride> {
    assert_eq!(platform.chat(STREAM).await.status, 200);
    platform.router.with(|said| said.plans.last().unwrap().markup_overrides.clone())
}

#[tokio::test]
async fn a_plan_is_put_read_and_listed() {
    let platform = Platform::start().await;
    let put = platform.admin(Method::PUT, "/plans/team", TEAM).await;
    assert_eq!(put.json(), json!({ "name": "team", "version": 1, "is_unchanged": false }));
    assert_eq!(platform.admin(Method::PUT, "/plans/team", TEAM).await.json()["is_unchanged"], true);
    platform.admin(Method::PUT, "/plans/team", "{}").await;
    platform.admin(Method::PUT, "/plans/zero", r#"{"own_keys":{"fee_basis_points":0}}"#).await;

    let plan = platform.admin(Method::GET, "/plans/team", "").await.json();
    let first = &plan["versions"][1];
    assert_eq!((first["version"].as_i64(), first["actor"].as_str()), (Some(1), Some("operator:admin")));
    assert_eq!(first["markup_overrides"][0], json!({ "provider": "acme", "model": "", "basis_points": 500 }));
    assert_eq!(first["purchase_fee"], json!({ "basis_points": 550, "minimum": "0.8" }));
    assert_eq!(first["own_keys"], json!({ "fee_basis_points": 400, "monthly_allowance": null }));
    assert_eq!((first["payment"].as_str(), first["credit_limit"].as_str()), (Some("postpaid"), Some("5000")));
    assert_eq!((plan["version"].as_i64(), plan["payment"].as_str()), (Some(2), Some("prepaid")));
    assert_eq!(plan["own_keys"], json!({ "fee_basis_points": 500, "monthly_allowance": "25000" }));

    let page = platform.admin(Method::GET, "/plans?limit=1", "").await.json();
    assert_eq!((page["data"][0]["name"].as_str(), page["next"].as_str()), (Some("team"), Some("team")));
    let page = platform.admin(Method::GET, "/plans?after=team", "").await.json();
    assert_eq!((page["data"][0]["name"].as_str(), &page["next"]), (Some("zero"), &Value::Null));
    let owner = sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap();
    let written: Vec<(String, String)> =
        sqlx::query_as("select actor, target from identity.audit_log where action = 'plan.put' order by id")
            .fetch_all(&owner)
            .await
            .unwrap();
    owner.close().await;
    let targets: Vec<&str> = written.iter().map(|(_, target)| &**target).collect();
    assert_eq!(targets, ["team", "team", "zero"], "what changes nothing is no change");
    platform.stop().await;
}

#[tokio::test]
async fn bodies_are_closed_and_amounts_are_exact() {
    let platform = Platform::start().await;
    for body in [
        r#"{"markup":5}"#,
        r#"{"markup_overrides":[{"provider":"acme","markup":5}]}"#,
        r#"{"credit_limit":5}"#,
        r#"{"credit_limit":"-5"}"#,
        r#"{"purchase_fee":{"minimum":"0.0000000001"}}"#,
        r#"{"payment":"later"}"#,
        r#"{"currency":"EUR"}"#,
        r#"{"preview":{"provider":"acme"}}"#,
    ] {
        assert_eq!(platform.admin(Method::PUT, "/plans/team", body).await.error().0, 400, "{body}");
    }
    assert_eq!(platform.admin(Method::GET, "/plans/team", "").await.error().0, 404);
    let tenant = format!("/tenants/{}/plan", platform.tenant);
    assert_eq!(platform.admin(Method::PUT, &tenant, r#"{"plan":"team"}"#).await.error().0, 404);
    assert_eq!(platform.admin(Method::PUT, &tenant, r#"{"name":"team"}"#).await.error().0, 400);
    assert_eq!(platform.admin(Method::PUT, "/tenants/acme/plan", r#"{"plan":"team"}"#).await.error().0, 404);
    assert_eq!(platform.plans.with(|kept| (kept.puts.len(), kept.moves.len())), (0, 0));
    platform.stop().await;
}

#[tokio::test]
async fn a_preview_says_what_requests_would_cost_and_changes_nothing() {
    let platform = Platform::start().await;
    platform.admin(Method::PUT, "/plans/team", r#"{"markup_basis_points":1000}"#).await;
    platform.router.with(|said| said.attempts = vec![attempt(1_000, 2_000)]);
    let body = r#"{"markup_overrides":[{"provider":"acme","basis_points":2500}],"own_keys":{"fee_basis_points":1000},
        "preview":{"model":"acme/echo","provider":"acme","input_tokens":1000,"output_tokens":500}}"#;
    let told = platform.admin(Method::PUT, "/plans/team", body).await.json();
    assert_eq!((told["version"].as_i64(), told["is_unchanged"].as_bool()), (Some(2), Some(false)));
    let row = &told["preview"][0];
    assert_eq!(row["list_price"], "0.002");
    assert_eq!(
        row["before"],
        json!({ "markup_basis_points": 1000, "cost": "0.0022", "own_key_fee": "0.0001" })
    );
    assert_eq!(
        row["after"],
        json!({ "markup_basis_points": 2500, "cost": "0.0025", "own_key_fee": "0.0002" })
    );
    let asked = platform.router.with(|said| said.plans.pop().unwrap());
    assert!(asked.dry_run && asked.provider.unwrap().only == ["acme"]);
    let told = platform.admin(Method::PUT, "/plans/new", body).await.json();
    assert_eq!(told["preview"][0]["before"], Value::Null);
    assert_eq!(platform.plans.with(|kept| kept.plans.len()), 1);

    platform.admin(Method::PUT, "/plans/dear", r#"{"markup_basis_points":5000}"#).await;
    let tenant = format!("/tenants/{}/plan", platform.tenant);
    platform.admin(Method::PUT, &tenant, r#"{"plan":"team"}"#).await;
    let body = r#"{"plan":"dear","preview":{"model":"acme/echo","input_tokens":1000,"output_tokens":500}}"#;
    let told = platform.admin(Method::PUT, &tenant, body).await.json();
    assert_eq!((told["from"].as_str(), told["plan"].as_str()), (Some("team"), Some("dear")));
    let row = &told["preview"][0];
    assert_eq!(
        (row["before"]["cost"].as_str(), row["after"]["cost"].as_str()),
        (Some("0.0022"), Some("0.003"))
    );
    assert_eq!(platform.plans.with(|kept| kept.moves.len()), 1);
    platform.stop().await;
}

#[tokio::test]
async fn a_tenant_moves_and_the_move_is_written_down() {
    let platform = Platform::start().await;
    platform.admin(Method::PUT, "/plans/team", TEAM).await;
    let tenant = format!("/tenants/{}/plan", platform.tenant);
    let moved = platform.admin(Method::PUT, &tenant, r#"{"plan":"team"}"#).await.json();
    assert_eq!(moved, json!({ "plan": "team", "from": "default", "is_unchanged": false }));
    assert_eq!(platform.plans.with(|kept| kept.moves[0].actor.clone()), "operator:admin");
    let plan = platform.admin(Method::GET, &tenant, "").await.json();
    assert_eq!((plan["name"].as_str(), plan["markup_basis_points"].as_i64()), (Some("team"), Some(1_000)));
    let history = json!([{ "plan": "team", "at": "1970-01-01T00:00:01.000Z", "actor": "operator:admin" }]);
    assert_eq!(plan["history"], history);
    let owner = sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap();
    let written: i64 = sqlx::query_scalar(
        "select count(*) from identity.audit_log where action = 'tenant.plan' and target = $1",
    )
    .bind(platform.tenant.to_string())
    .fetch_one(&owner)
    .await
    .unwrap();
    owner.close().await;
    assert_eq!(written, 1);
    platform.stop().await;
}

#[tokio::test]
async fn other_terms_are_everybodys_at_once() {
    let platform = Platform::start().await;
    let tell = |points: i32| platform.billing.with(|heard| heard.overrides = vec![over("acme", points)]);
    tell(1);
    assert_eq!(planned(&platform).await, [over("acme", 1)]);
    tell(2);
    assert_eq!(planned(&platform).await, [over("acme", 1)], "terms are known for a while");
    notify(&platform, &identity::TenantId::generate().to_string()).await;
    for (points, payload) in [(2, platform.tenant.to_string()), (3, String::new())] {
        tell(points);
        notify(&platform, &payload).await;
        eventually("the terms are asked for again", async || {
            (planned(&platform).await == [over("acme", points)]).then_some(())
        })
        .await;
    }
    // The edge that changes them needs no telling.
    tell(4);
    platform.admin(Method::PUT, "/plans/team", TEAM).await;
    assert_eq!(planned(&platform).await, [over("acme", 4)]);
    tell(5);
    platform.admin(Method::PUT, &format!("/tenants/{}/plan", platform.tenant), r#"{"plan":"team"}"#).await;
    assert_eq!(planned(&platform).await, [over("acme", 5)]);
    platform.stop().await;
}

#[tokio::test]
async fn the_catalogue_is_asked_for_with_the_callers_overrides() {
    let platform = Platform::start().await;
    let key = Some(platform.demo.api_key.expose());
    let seen = async |key| {
        platform.get("/api/v1/models", key).await;
        platform.router.with(|said| said.browsed.last().unwrap().markup_overrides.clone())
    };
    platform.billing.with(|heard| heard.overrides = vec![over("acme", 1)]);
    assert_eq!(seen(key).await, [over("acme", 1)]);
    assert_eq!(seen(None).await, [over("acme", 1)]);
    platform.billing.with(|heard| heard.overrides = vec![over("acme", 2)]);
    notify(&platform, "").await;
    for key in [key, None] {
        eventually("the catalogue shows other prices", async || {
            (seen(key).await == [over("acme", 2)]).then_some(())
        })
        .await;
    }
    platform.stop().await;
}
