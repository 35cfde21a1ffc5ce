//! Buying credit, and what the payment processor tells.

use bytes::Bytes;
use http::Method;
use rpc::Fault;
use serde_json::json;

use crate::support::{Platform, client};

#[tokio::test]
async fn credit_is_bought_with_a_management_key_alone() {
    let platform = Platform::start().await;
    let (inference, manager) = (platform.demo.api_key.expose(), platform.demo.management_key.expose());
    let body = r#"{"amount":20,"save_card":true,"source_id":"order-1","return_url":"https://app.example/"}"#;
    let path = "/api/v1/credits/checkout";
    assert_eq!(platform.call(Method::POST, path, None, body).await.error().0, 401);
    assert_eq!(platform.call(Method::POST, path, Some(inference), body).await.error().0, 403);
    for wrong in
        [r#"{"amount":0}"#, r#"{"amount":"-1"}"#, r#"{"amount":"1e3x"}"#, r#"{"amount":20,"gift":1}"#, "{}"]
    {
        let refused = platform.call(Method::POST, path, Some(manager), wrong).await;
        assert_eq!(refused.error().0, 400, "{wrong}");
    }
    let answer = platform.call(Method::POST, path, Some(manager), body).await;
    assert_eq!(answer.status, 201);
    let data = &answer.json()["data"];
    assert_eq!(
        (data["url"].as_str(), data["status"].as_str()),
        (Some("https://pay.example/1"), Some("pending"))
    );
    assert_eq!(data["total"].to_string(), "21.1");
    let asked = platform.payments.with(|asked| asked.checkouts.remove(0));
    assert_eq!((asked.amount, asked.save_card, asked.source_id.as_str()), (20_000_000_000, true, "order-1"));
    assert_eq!(asked.tenant_id, platform.tenant.to_string());
    let mut tx = platform.pool.begin().await.unwrap();
    sqlx::query("select set_config('app.tenant', $1, true)")
        .bind(&asked.tenant_id)
        .execute(&mut *tx)
        .await
        .unwrap();
    let query = "select count(*) from identity.audit_log where action = 'payment.checkout'";
    let audited: i64 = sqlx::query_scalar(query).fetch_one(&mut *tx).await.unwrap();
    drop(tx);
    assert_eq!(audited, 1);
    platform.stop().await;
}

#[tokio::test]
async fn automatic_purchases_are_set_and_shown() {
    let platform = Platform::start().await;
    let manager = Some(platform.demo.management_key.expose());
    let path = "/api/v1/credits/auto-topup";
    let put =
        platform.call(Method::PUT, path, manager, r#"{"enabled":true,"threshold":"5.50","amount":25}"#).await;
    assert_eq!(put.json()["data"]["card"]["last4"], "4242");
    let asked = platform.payments.with(|asked| asked.settings.remove(0));
    assert_eq!((asked.threshold, asked.amount), (5_500_000_000, 25_000_000_000));
    assert_eq!(platform.call(Method::PUT, path, manager, r#"{"enabled":true}"#).await.error().0, 400);
    assert_eq!(platform.call(Method::PUT, path, manager, r#"{"enabled":false}"#).await.status, 200);
    assert_eq!(platform.get(path, manager).await.json()["data"]["enabled"], false);
    platform.stop().await;
}

#[tokio::test]
async fn payments_are_read_and_taken_back_by_their_tenant_and_by_operators() {
    let platform = Platform::start().await;
    let manager = Some(platform.demo.management_key.expose());
    let tenant = platform.tenant.to_string();
    let listed = platform.get("/api/v1/credits/payments?limit=1", manager).await.json();
    assert_eq!((listed["data"][0]["id"].as_str(), listed["next"].as_str()), (Some("p-1"), Some("p-1")));
    let shown = platform.get("/api/v1/credits/payments/p-7", manager).await.json();
    assert_eq!((shown["data"]["id"].as_str(), shown["data"]["amount"].as_f64()), (Some("p-7"), Some(20.0)));
    let path = "/api/v1/credits/payments/p-7/refund";
    assert_eq!(platform.call(Method::POST, path, manager, r#"{"source_id":"r-1"}"#).await.status, 200);
    let own = platform.payments.with(|asked| asked.refunds.remove(0));
    assert_eq!((own.tenant_id.as_str(), own.amount, own.source_id.as_str()), (tenant.as_str(), None, "r-1"));

    let listed = platform.admin(Method::GET, &format!("/tenants/{tenant}/payments"), "").await.json();
    assert_eq!(listed["data"][0]["amount"], "20");
    let shown = platform.admin(Method::GET, "/payments/p-7", "").await.json();
    assert_eq!(shown["data"]["reversals"][0]["actor"], "operator:x");
    let body = r#"{"amount":"2.50","reason":"goodwill","source_id":"r-2"}"#;
    assert_eq!(platform.admin(Method::POST, "/payments/p-7/refund", body).await.status, 200);
    let theirs = platform.payments.with(|asked| asked.refunds.remove(0));
    assert_eq!((theirs.tenant_id.as_str(), theirs.amount), ("", Some(2_500_000_000)));
    assert!(theirs.actor.starts_with("operator:"));
    assert_eq!(platform.admin(Method::POST, "/payments/p-7/refund", "{}").await.error().0, 400);
    platform.stop().await;
}

#[tokio::test]
async fn events_reach_billing_as_they_came_and_its_refusal_reaches_the_sender() {
    let platform = Platform::start().await;
    let body = "{\"id\": \"evt_1\",\n  \"odd\": \"\u{fc}\"}";
    let post = async |body: &str| {
        let headers = [("stripe-signature", "t=1,v1=00"), ("content-type", "application/json")];
        let body = Bytes::from(body.to_owned());
        let sent = client::send(platform.address, Method::POST, "/webhooks/stripe", &headers, body);
        client::whole(sent.await).await
    };
    assert_eq!(post(body).await.status, 200);
    let heard = platform.payments.with(|asked| asked.events.remove(0));
    assert_eq!((&heard.body[..], heard.signature.as_str()), (body.as_bytes(), "t=1,v1=00"));
    platform.payments.with(|asked| asked.fault = Some(Fault::invalid("The event was refused.")));
    assert_eq!(post(body).await.error().0, 400);
    platform.payments.with(|asked| asked.fault = Some(Fault::unavailable("away")));
    assert_eq!(post(body).await.error().0, 503);
    assert_eq!(platform.get("/webhooks/stripe", None).await.status, 405);
    platform.payments.with(|asked| asked.fault = None);
    assert_eq!(post(&"x".repeat(32 * 1024 * 1024)).await.status, 413);
    platform.stop().await;
}

#[tokio::test]
async fn what_is_not_configured_says_so() {
    let platform = Platform::start().await;
    let fault = Fault::new("server", 501, "Payments are not configured on this platform.");
    platform.payments.with(|asked| asked.fault = Some(fault));
    let manager = Some(platform.demo.management_key.expose());
    let answer = platform.call(Method::POST, "/api/v1/credits/checkout", manager, r#"{"amount":20}"#).await;
    assert_eq!(answer.error().0, 501);
    assert!(answer.text().contains("not configured"), "{}", answer.text());
    platform.stop().await;
}

#[tokio::test]
async fn coinbase_is_gone() {
    let platform = Platform::start().await;
    let answer = platform.call(Method::POST, "/api/v1/credits/coinbase", None, "").await;
    assert_eq!((answer.status.as_u16(), answer.json()["error"]["code"].as_i64()), (410, Some(410)));
    platform.stop().await;
}

#[tokio::test]
async fn a_promotion_may_expire_and_nothing_else() {
    let platform = Platform::start().await;
    let path = format!("/tenants/{}/credits", platform.tenant);
    let grant = |kind: &str, at: &str| json!({ "amount": "5", "kind": kind, "expires_at": at }).to_string();
    let granted = platform.admin(Method::POST, &path, &grant("promotion", "2199-01-01T00:00:00Z")).await;
    assert_eq!(granted.status, 200);
    let heard = platform.billing.with(|heard| heard.grants.pop().unwrap());
    assert_eq!(heard.expires_at_ms, 7_226_582_400_000);
    for (kind, at) in [("purchase", "2199-01-01T00:00:00Z"), ("promotion", "2019-01-01T00:00:00Z")] {
        assert_eq!(platform.admin(Method::POST, &path, &grant(kind, at)).await.error().0, 400, "{kind} {at}");
    }
    platform.stop().await;
}
