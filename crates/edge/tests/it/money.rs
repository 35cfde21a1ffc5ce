//! What is reserved, and what happens when there is too little.

use crate::support::Platform;
use crate::support::billing::account;
use crate::support::router::attempt;

const STREAM: &str = r#"{"model":"acme/echo","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;

#[tokio::test]
async fn no_credit_is_a_402_and_nothing_is_executed() {
    let platform = Platform::start().await;
    for denial in ["credit", "key_limit"] {
        platform.billing.with(|heard| (heard.available, heard.denial) = (0, denial));
        let answer = platform.chat(STREAM).await;
        assert_eq!(answer.error(), (402, 402, "payment_required".to_owned()));
        assert_eq!(answer.text().contains("Key limit"), denial == "key_limit", "{}", answer.text());
    }
    assert_eq!(platform.worker.with(|seen| seen.starts.len()), 0);
    assert_eq!(platform.billing.with(|heard| heard.witnesses.len()), 0);
    platform.stop().await;
}

#[tokio::test]
async fn a_short_account_gets_as_many_tokens_as_it_can_pay() {
    let platform = Platform::start_with("[edge.leases]\ntight_ms = 1", None).await;
    assert_eq!(platform.chat(STREAM).await.status, 200);
    let bound = platform.worker.with(|seen| seen.starts.pop().unwrap().reserved);
    platform.empty_the_pool().await;
    // The dearest attempt asks 4 nano-dollars a completion token: 100 of its 1,000 are out of reach.
    platform.billing.with(|heard| heard.available = bound - 400);
    assert_eq!(platform.chat(STREAM).await.status, 200);
    let start = platform.worker.with(|seen| seen.starts.pop().unwrap());
    assert_eq!((start.max_tokens, start.reserved), (Some(900), bound - 400));
    platform.stop().await;
}

#[tokio::test]
async fn a_free_plan_needs_no_lease_and_is_still_witnessed() {
    let platform = Platform::start().await;
    platform.router.with(|said| said.attempts = vec![attempt(0, 0)]);
    platform.billing.with(|heard| heard.available = 0);
    assert_eq!(platform.chat(STREAM).await.status, 200);
    let start = platform.worker.with(|seen| seen.starts.remove(0));
    assert_eq!((start.reserved, start.leases.len()), (0, 0));
    assert!(platform.witness().await.leases.is_empty());
    assert_eq!(platform.billing.with(|heard| heard.asks.len()), 0);
    platform.stop().await;
}

#[tokio::test]
async fn a_markup_is_part_of_the_reservation() {
    let platform = Platform::start().await;
    platform.chat(STREAM).await;
    platform.chat_as(platform.demo.markup_api_key.expose(), STREAM).await;
    let (plain, marked_up) = platform.worker.with(|seen| (seen.starts[0].reserved, seen.starts[1].reserved));
    assert_eq!(marked_up, (plain * 105 + 99) / 100);
    assert_eq!(platform.worker.with(|seen| seen.starts[1].attempts[0].markup_basis_points), 500);
    platform.stop().await;
}

#[tokio::test]
async fn whom_nobody_pays_for_gets_nothing() {
    let platform = Platform::start().await;
    platform.billing.with(|heard| heard.knows_nobody = true);
    assert_eq!(platform.chat(STREAM).await.error().0, 402);
    assert_eq!(platform.executions(), 0);
    platform.stop().await;
}

#[tokio::test]
async fn a_budget_that_is_used_up_is_a_403_that_names_it() {
    let platform = Platform::start().await;
    let budget = account("budget", "Workspace monthly budget of $500.00");
    platform.billing.with(|heard| {
        heard.books.balances.insert(budget.account_id.clone(), 0);
        heard.accounts = vec![budget];
    });
    let answer = platform.chat(STREAM).await;
    assert_eq!(answer.error(), (403, 403, "permission_denied".to_owned()));
    let message = "Workspace monthly budget of $500.00 exceeded. Contact your org admin.";
    assert_eq!(answer.json()["error"]["message"], message);
    assert_eq!(platform.executions(), 0);
    platform.stop().await;
}

#[tokio::test]
async fn every_account_of_a_key_is_reserved_from() {
    let platform = Platform::start().await;
    let limit = account("key_limit", "");
    platform.billing.with(|heard| heard.accounts = vec![limit.clone()]);
    assert_eq!(platform.chat(STREAM).await.status, 200);
    let start = platform.worker.with(|seen| seen.starts.remove(0));
    let mut accounts: Vec<&str> = start.leases.iter().map(|lease| lease.account_id.as_str()).collect();
    accounts.sort_unstable();
    let tenant = platform.tenant.to_string();
    let mut expected = [tenant.as_str(), limit.account_id.as_str()];
    expected.sort_unstable();
    assert_eq!(accounts, expected);
    assert!(start.leases.iter().all(|lease| lease.amount == start.reserved));

    // What one account cannot pay is not kept from the other either.
    platform.billing.with(|heard| heard.books.balances.insert(limit.account_id.clone(), 0));
    let key = platform.demo.markup_api_key.expose().to_owned();
    while platform.chat_as(&key, STREAM).await.status == 200 {}
    assert_eq!(platform.chat_as(&key, STREAM).await.error().0, 402);
    platform.stop().await;
}
