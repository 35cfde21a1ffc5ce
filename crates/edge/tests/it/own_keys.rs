//! What the tenant's own credentials serve: free within the allowance, else for a fee.

use rpc::billing::OwnKeyTerms;
use rpc::router::Attempt;

use crate::support::router::attempt;
use crate::support::{Platform, eventually};

const STREAM: &str =
    r#"{"model":"acme/echo","stream":true,"max_tokens":100,"messages":[{"role":"user","content":"Hello"}]}"#;

fn own(input: i64, output: i64) -> Attempt {
    Attempt { is_byok: true, credential_id: uuid::Uuid::now_v7().to_string(), ..attempt(input, output) }
}

/// A platform whose plans are these attempts, with an allowance of so many nano-USD and a fee of 5 %.
async fn platform(attempts: Vec<Attempt>, allowance: i64) -> Platform {
    let platform = Platform::start().await;
    platform.router.with(|said| said.attempts = attempts);
    platform.billing.with(|heard| {
        heard.allowance = allowance;
        heard.own_keys = Some(OwnKeyTerms {
            fee_basis_points: 500,
            allowance_account_id: crate::support::billing::ALLOWANCE.to_owned(),
        });
    });
    platform
}

fn markups(platform: &Platform) -> Vec<i32> {
    let start = platform.worker.with(|seen| seen.starts.pop().unwrap());
    start.attempts.iter().map(|attempt| attempt.markup_basis_points).collect()
}

/// The accounts and amounts that were asked for since this was last looked at.
fn asks(platform: &Platform) -> Vec<(Vec<String>, i64, i64)> {
    let asks = platform.billing.with(|heard| std::mem::take(&mut heard.asks));
    asks.into_iter().map(|ask| (ask.account_ids, ask.want, ask.floor)).collect()
}

fn allowance() -> Vec<String> {
    vec![crate::support::billing::ALLOWANCE.to_owned()]
}

#[tokio::test]
async fn within_the_allowance_a_request_needs_no_credit() {
    let platform = platform(vec![own(1, 2), own(2, 4)], 1_000_000).await;
    platform.billing.with(|heard| heard.available = 0);
    assert_eq!(platform.chat(STREAM).await.status, 200);
    assert_eq!(markups(&platform), [-10_000, -10_000]);
    let asks = asks(&platform);
    let [(accounts, want, floor)] = asks.as_slice() else { panic!("{asks:?}") };
    // All of the list price at the dearest attempt, which a completion of 100 tokens is 400 of.
    assert!(*accounts == allowance() && want >= floor && *floor > 400, "{asks:?}");
    let witness = platform.witness().await;
    assert_eq!((witness.leases.len(), witness.reserved), (1, 0));
    assert_eq!((witness.leases[0].account_id.as_str(), witness.leases[0].amount), (&*accounts[0], *floor));
    assert!(witness.is_byok && platform.billing.with(|heard| heard.returns.is_empty()));
    platform.stop().await;
}

#[tokio::test]
async fn above_the_allowance_the_fee_is_reserved_from_credit() {
    let platform = platform(vec![own(1_000, 2_000)], 10).await;
    assert_eq!(platform.chat(STREAM).await.status, 200);
    assert_eq!(markups(&platform), [-9_500]);
    let asks = asks(&platform);
    // Of the allowance everything is asked for twice: for requests to come as well, and for this one.
    let [(first, _, list), .., (last, _, fee)] = asks.as_slice() else { panic!("{asks:?}") };
    assert!(*first == allowance() && *last == [platform.tenant.to_string()], "{asks:?}");
    assert_eq!(*fee, (list * 5 + 99) / 100, "five percent of the list price, rounded up");
    assert_eq!(platform.witness().await.leases.len(), 1);
    eventually("the ask that came to nothing is given back", async || {
        platform.billing.with(|heard| (heard.returns.len() == 1).then_some(()))
    })
    .await;
    platform.stop().await;
}

#[tokio::test]
async fn a_plan_with_both_reserves_for_the_dearest() {
    let platform = platform(vec![own(5_000, 9_000), attempt(1_000, 2_000)], 1_000_000_000).await;
    assert_eq!(platform.chat(STREAM).await.status, 200);
    assert_eq!(markups(&platform), [-10_000, 0]);
    let asks = asks(&platform);
    let [(_, list, _), (_, credit, _)] = asks.as_slice() else { panic!("{asks:?}") };
    // The platform's attempt is dearer than a free one, and its price is what credit is reserved for.
    assert!(list > credit && *credit > 200_000, "{asks:?}");
    let leases = platform.witness().await.leases;
    let accounts: Vec<&str> = leases.iter().map(|lease| &*lease.account_id).collect();
    assert_eq!(accounts, [&*platform.tenant.to_string(), crate::support::billing::ALLOWANCE]);
    platform.stop().await;
}

#[tokio::test]
async fn what_is_refused_gives_the_allowance_back() {
    let platform = platform(vec![own(1, 2), attempt(1, 2)], 1_000_000).await;
    platform.billing.with(|heard| heard.available = 0);
    assert_eq!(platform.chat(STREAM).await.error().0, 402);
    platform.billing.recall(crate::support::billing::ALLOWANCE);
    eventually("nothing of the allowance is held", async || {
        platform.billing.with(|heard| (heard.books.held() == 0).then_some(()))
    })
    .await;
    assert_eq!(platform.billing.with(|heard| heard.books.spent()), 0);
    platform.stop().await;
}

#[tokio::test]
async fn without_a_fee_or_an_allowance_nothing_is_asked_of_it() {
    let platform = platform(vec![own(1_000, 2_000)], 1_000_000_000).await;
    for (fee, account, points) in [(0, "", -10_000), (0, "allowance", -10_000), (700, "", -9_300)] {
        platform.billing.with(|heard| {
            let (fee_basis_points, allowance_account_id) = (fee, account.to_owned());
            heard.own_keys = Some(OwnKeyTerms { fee_basis_points, allowance_account_id });
        });
        sqlx::query("select pg_notify('patchbay_terms', '')").execute(&platform.pool).await.unwrap();
        eventually("the terms are in force", async || {
            assert_eq!(platform.chat(STREAM).await.status, 200);
            (markups(&platform) == [points]).then_some(())
        })
        .await;
        let _ = asks(&platform);
        assert_eq!(platform.chat(STREAM).await.status, 200);
        assert!(asks(&platform).iter().all(|(accounts, ..)| *accounts != allowance()), "{fee}");
        let _ = markups(&platform);
    }
    platform.stop().await;
}

#[tokio::test]
async fn an_allowance_that_nobody_can_tell_of_is_no_reason_to_charge() {
    let platform = platform(vec![own(1, 2)], 1_000_000).await;
    platform.billing.with(|heard| heard.unsure = usize::MAX);
    assert_eq!(platform.chat(STREAM).await.error().0, 503);
    assert_eq!(platform.executions(), 0);
    platform.billing.with(|heard| heard.unsure = 0);
    platform.stop().await;
}
