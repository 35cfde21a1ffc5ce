//! What guardrails come to for requests.

use http::Method;
use rpc::billing::GetTermsRequest;
use rpc::router::{AccountPolicy, AllowList};
use serde_json::{Value, json};
use uuid::Uuid;

use super::assignments::member;
use super::{changed, made, manage, one, owner, workspace};
use crate::support::billing::account;
use crate::support::client;
use crate::support::{Platform, eventually};

const BODY: &str = r#"{"model":"acme/echo","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;

async fn assign(platform: &Platform, id: &Value, what: &str, body: Value) {
    let path = format!("{}/assignments/{what}", one(id));
    assert_eq!(manage(platform, Method::POST, &path, &body).await.status, 200);
}

fn demo_key(platform: &Platform) -> Value {
    json!({ "key_hashes": [platform.demo.api_key.hash().to_string()] })
}

/// What the router is told for a request with the demo key.
async fn policy(platform: &Platform) -> AccountPolicy {
    platform.chat(BODY).await;
    platform.router.with(|said| said.plans.pop().unwrap().policy.unwrap())
}

/// What billing is asked for a request with the demo key.
async fn terms(platform: &Platform) -> GetTermsRequest {
    platform.billing.with(|heard| heard.terms.clear());
    platform.chat(BODY).await;
    platform.billing.with(|heard| heard.terms.pop().unwrap())
}

fn list(names: &[&str]) -> AllowList {
    AllowList { names: names.iter().map(|name| (*name).to_owned()).collect() }
}

#[tokio::test]
async fn a_guardrail_is_in_force_on_every_edge_from_its_assignment_to_its_end() {
    let platform = Platform::start().await;
    let second = platform.second_edge("").await;
    let bearer = format!("Bearer {}", platform.demo.api_key.expose());
    let there = async || {
        let headers = [("authorization", bearer.as_str())];
        let answer =
            client::send(second.address, Method::POST, "/api/v1/chat/completions", &headers, BODY).await;
        client::whole(answer).await.status.as_u16()
    };
    let guardrail = made(&platform, json!({ "name": "g", "allowed_models": ["acme/other"] })).await;
    assert_eq!((platform.chat(BODY).await.status.as_u16(), there().await), (200, 200), "assigned to nobody");
    assign(&platform, &guardrail["id"], "keys", demo_key(&platform)).await;
    assert_eq!(platform.chat(BODY).await.error(), (403, 403, "permission_denied".to_owned()));
    eventually("the other edge hears of it", async || (there().await == 403).then_some(())).await;
    let other = platform.demo.markup_api_key.expose();
    assert_eq!(platform.chat_as(other, BODY).await.status, 200, "another key");

    changed(&platform, &guardrail["id"], json!({ "allowed_models": ["acme/parrot"] })).await;
    assert_eq!(platform.chat(BODY).await.status, 200);
    eventually("the other edge hears of it", async || (there().await == 200).then_some(())).await;
    changed(&platform, &guardrail["id"], json!({ "allowed_models": ["acme/other"] })).await;
    assert_eq!(platform.chat(BODY).await.status, 403);
    assign(&platform, &guardrail["id"], "keys/remove", demo_key(&platform)).await;
    assert_eq!(platform.chat(BODY).await.status, 200);
    assign(&platform, &guardrail["id"], "keys", demo_key(&platform)).await;
    assert_eq!(platform.chat(BODY).await.status, 403);
    assert_eq!(manage(&platform, Method::DELETE, &one(&guardrail["id"]), &Value::Null).await.status, 200);
    assert_eq!(platform.chat(BODY).await.status, 200);
    eventually("the other edge hears of it", async || (there().await == 200).then_some(())).await;
    second.stop().await;
    platform.stop().await;
}

#[tokio::test]
async fn policy_workspace_member_and_key_all_hold_at_once() {
    let platform = Platform::start().await;
    assert_eq!(policy(&platform).await, AccountPolicy::default());
    let person = member(&platform).await;
    sqlx::query("update identity.api_key set creator_person_id = $1 where hash = $2")
        .bind(person)
        .bind(platform.demo.api_key.hash().0.as_slice())
        .execute(&owner(&platform).await)
        .await
        .unwrap();
    let of_organisation = json!({ "ignored_providers": ["one"], "enforce_zdr_openai": true });
    let path = "/api/v1/organization/policy";
    assert_eq!(manage(&platform, Method::PATCH, path, &of_organisation).await.status, 200);
    let default = json!(Uuid::new_v5(&workspace(&platform).await, b"default-guardrail"));
    changed(&platform, &default, json!({ "allowed_models": ["acme/echo", "acme/a"] })).await;
    let rules = json!({ "name": "m", "allowed_models": ["acme/echo"], "ignored_providers": ["two"],
                        "enable_free_model_training": false });
    let of_member = made(&platform, rules).await;
    assign(&platform, &of_member["id"], "members", json!({ "member_user_ids": [person] })).await;
    let rules = json!({ "name": "k", "allowed_providers": ["acme"], "enforce_zdr_openai": false,
                        "enforce_zdr_other": true, "enable_free_model_training": true });
    let of_key = made(&platform, rules).await;
    assign(&platform, &of_key["id"], "keys", demo_key(&platform)).await;

    let mut together = policy(&platform).await;
    together.model_lists.sort_by_key(|list| list.names.len());
    let expected = AccountPolicy {
        ignored_providers: list(&["one", "two"]).names,
        model_lists: vec![list(&["acme/echo"]), list(&["acme/echo", "acme/a"])],
        provider_lists: vec![list(&["acme"])],
        zdr_groups: list(&["openai", "other"]).names,
        deny_free_training: true,
        ..AccountPolicy::default()
    };
    assert_eq!(together, expected);
    // The list of usable models knows the same rules.
    platform.get("/api/v1/models/user", Some(platform.demo.api_key.expose())).await;
    let mut browsed = platform.router.with(|said| said.browsed.pop().unwrap().policy.unwrap());
    browsed.model_lists.sort_by_key(|list| list.names.len());
    assert_eq!(browsed, expected);
    let of_everybody = platform.get("/api/v1/models", Some(platform.demo.api_key.expose())).await;
    assert_eq!(of_everybody.status, 200);
    assert_eq!(platform.router.with(|said| said.browsed.pop().unwrap().policy), None);
    platform.stop().await;
}

#[tokio::test]
async fn budgets_are_kept_by_billing_before_they_apply_and_until_they_do_not() {
    let platform = Platform::start().await;
    let budgets = || {
        platform.budgets.with(|kept| {
            let row = |(_, budget): &(String, rpc::billing::Budget)| (budget.interval.clone(), budget.limit);
            let mut rows: Vec<(String, i64)> = kept.budgets.iter().map(row).collect();
            rows.sort();
            rows
        })
    };
    let guardrail = made(&platform, json!({ "name": "g", "limit_usd": 5, "reset_interval": "daily" })).await;
    let id = guardrail["id"].as_str().unwrap().to_owned();
    let usd = 1_000_000_000;
    assert_eq!(budgets(), [("daily".to_owned(), 5 * usd)]);
    let subject = platform.budgets.with(|kept| kept.budgets[0].1.subject.clone().unwrap());
    assert_eq!((subject.kind.as_str(), subject.id.as_str()), ("guardrail", id.as_str()));
    assert!(terms(&platform).await.guardrail_ids.is_empty(), "assigned to nobody");

    let spent = account("budget", "Guardrail daily budget of $5.00");
    platform.billing.with(|heard| {
        heard.books.balances.insert(spent.account_id.clone(), 0);
        heard.under.push((id.clone(), spent));
    });
    assign(&platform, &guardrail["id"], "keys", demo_key(&platform)).await;
    let answer = platform.chat(BODY).await;
    assert_eq!(answer.error(), (403, 403, "permission_denied".to_owned()));
    let message = "Guardrail daily budget of $5.00 exceeded. Contact your org admin.";
    assert_eq!(answer.json()["error"]["message"], message);
    platform.billing.with(|heard| heard.under.clear());
    changed(&platform, &guardrail["id"], json!({ "include_byok_in_budgets": true })).await;
    assert!(platform.budgets.with(|kept| kept.budgets[0].1.counts_own_keys));
    assert_eq!(terms(&platform).await.guardrail_ids, std::slice::from_ref(&id));

    let body = json!({ "limit_usd": 3, "reset_interval": "monthly" });
    changed(&platform, &guardrail["id"], body).await;
    assert_eq!(budgets(), [("monthly".to_owned(), 3 * usd)], "one limit, of the interval that it has");
    changed(&platform, &guardrail["id"], json!({ "reset_interval": null })).await;
    assert_eq!(budgets(), [(String::new(), 3 * usd)]);
    changed(&platform, &guardrail["id"], json!({ "limit_usd": null })).await;
    assert_eq!(budgets(), []);
    assert!(terms(&platform).await.guardrail_ids.is_empty());
    changed(&platform, &guardrail["id"], json!({ "limit_usd": 1 })).await;
    assert_eq!(manage(&platform, Method::DELETE, &one(&guardrail["id"]), &Value::Null).await.status, 200);
    assert_eq!(budgets(), []);
    let refused = json!({ "name": "g", "limit_usd": 666 });
    assert_eq!(manage(&platform, Method::POST, super::LIST, &refused).await.error().0, 400);
    assert_eq!(super::read(&platform, super::LIST).await["total_count"], 0, "never without its limit");
    platform.stop().await;
}

#[tokio::test]
async fn a_members_budget_counts_for_the_member_and_a_keys_for_the_key() {
    let platform = Platform::start().await;
    let person = member(&platform).await;
    sqlx::query("update identity.api_key set creator_person_id = $1 where tenant_id = $2")
        .bind(person)
        .bind(platform.tenant.uuid())
        .execute(&owner(&platform).await)
        .await
        .unwrap();
    let of_member = made(&platform, json!({ "name": "m", "limit_usd": 5 })).await;
    let of_key = made(&platform, json!({ "name": "k", "limit_usd": 2 })).await;
    let default = json!(Uuid::new_v5(&workspace(&platform).await, b"default-guardrail"));
    changed(&platform, &default, json!({ "limit_usd": 9, "reset_interval": "monthly" })).await;
    assign(&platform, &of_member["id"], "members", json!({ "member_user_ids": [person] })).await;
    assign(&platform, &of_key["id"], "keys", demo_key(&platform)).await;
    let asked = terms(&platform).await;
    let mut of_key_alone = [default.as_str().unwrap(), of_key["id"].as_str().unwrap()];
    of_key_alone.sort_unstable();
    let mut told = asked.guardrail_ids.clone();
    told.sort();
    assert_eq!(told, of_key_alone);
    assert_eq!(asked.member_guardrail_ids, [of_member["id"].as_str().unwrap()]);
    assert_eq!(asked.user_id, person.to_string());
    let start = platform.worker.with(|seen| seen.starts.pop().unwrap());
    assert_eq!(start.user_id, person.to_string());
    platform.stop().await;
}

#[tokio::test]
async fn nothing_is_cached_where_no_data_may_be_retained() {
    let platform = Platform::start().await;
    let cached = async || {
        let answer = platform.chat_with(&[("x-openrouter-cache", "true")], BODY).await;
        assert_eq!(answer.status, 200);
        answer.header("x-openrouter-cache-status").to_owned()
    };
    assert_eq!(cached().await, "MISS");
    let guardrail = made(&platform, json!({ "name": "g", "enforce_zdr_google": true })).await;
    assign(&platform, &guardrail["id"], "keys", demo_key(&platform)).await;
    assert_eq!(cached().await, "");
    changed(&platform, &guardrail["id"], json!({ "enforce_zdr_google": null })).await;
    assert_ne!(cached().await, "");
    platform.stop().await;
}
