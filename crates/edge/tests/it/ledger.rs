//! The operators' calls for the ledger, bills and messages set aside: read, passed on, written to the audit log.

use http::Method;

use crate::support::Platform;

#[tokio::test]
async fn the_ledger_is_read_by_operators_alone() {
    let platform = Platform::start().await;
    let generation = identity::GenerationId::generate();
    for (path, call) in [
        ("/ledger?kind=usage&least=0.5&from=2026-11-01T00:00:00Z".to_owned(), "list_transfers"),
        ("/ledger/accounts".to_owned(), "list_ledger_accounts"),
        ("/ledger/seals?limit=3".to_owned(), "list_seals"),
        (format!("/generations/{generation}/money"), "trace_money"),
        ("/reconciliations?provider=openai".to_owned(), "list_bills"),
        ("/reconciliations/b1".to_owned(), "get_bill"),
        ("/parked?decided=true".to_owned(), "list_parked"),
    ] {
        assert_eq!(platform.admin(Method::GET, &path, "").await.json()["call"], call, "{path}");
        let bare = path.split('?').next().unwrap_or_default();
        let stranger = platform.call(Method::GET, &format!("/admin/v1{bare}"), None, "").await;
        assert_eq!(stranger.error().0, 401, "{path}");
    }
    let heard = platform.ledger.heard();
    assert!(heard[0].contains("least: Some(500000000)") && heard[0].contains("from_ms: Some(1793491200000)"));
    let verified = platform.admin(Method::POST, "/ledger/seals/verify", "").await.json();
    assert_eq!(verified["call"], "verify_seals");
    for bad in ["/ledger?colour=red", "/ledger?least=cheap", "/ledger?from=soon"] {
        assert_eq!(platform.admin(Method::GET, bad, "").await.error().0, 400, "{bad}");
    }
    assert_eq!(platform.admin(Method::GET, "/generations/x/money", "").await.error().0, 404);
    platform.stop().await;
}

#[tokio::test]
async fn what_operators_do_to_the_ledger_is_audited() {
    let platform = Platform::start().await;
    let import = "/reconciliations?provider=openai&first_day=2026-11-01&last_day=2026-11-30\
                  &columns=%7B%22cost%22%3A%22Price%22%7D";
    for (path, body, call) in [
        (import, "day,model,Price\n", "import_bill"),
        ("/reconciliations/b1/pay", r#"{"amount":"1.5","reference":"wire"}"#, "pay_bill"),
        ("/parked/7/retry", "", "decide_parked"),
        ("/parked/7/drop", r#"{"reason":"a test"}"#, "decide_parked"),
    ] {
        assert_eq!(platform.admin(Method::POST, path, body).await.json()["call"], call, "{path}");
    }
    let payout =
        platform.admin(Method::POST, "/ledger/payouts", r#"{"amount":"2","source_id":"po-1"}"#).await;
    assert_eq!(payout.json()["clearing"], "0.5");
    let heard = platform.ledger.heard();
    assert!(heard[0].contains("\"Price\"") && heard[0].contains("day,model,Price"), "{}", heard[0]);
    assert!(heard[1].contains("amount: 1500000000"), "{}", heard[1]);
    for (path, body) in [
        ("/parked/7/drop", r#"{"reason":" "}"#),
        ("/ledger/payouts", r#"{"amount":"2"}"#),
        ("/reconciliations/b1/pay", r#"{"amount":"-1"}"#),
    ] {
        assert_eq!(platform.admin(Method::POST, path, body).await.error().0, 400, "{path}");
    }
    assert_eq!(platform.ledger.heard().len(), heard.len());
    platform.stop().await;
}
