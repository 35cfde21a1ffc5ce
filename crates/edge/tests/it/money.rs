//! What is reserved, and what happens when there is too little.

use crate::support::Platform;
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
    let platform = Platform::start().await;
    let want = {
        platform.chat(STREAM).await;
        platform.billing.with(|heard| heard.asks.remove(0).want)
    };
    // The dearest attempt asks 4 nano-dollars a completion token: 100 of its 1,000 are out of reach.
    platform.billing.with(|heard| heard.available = want - 400);
    assert_eq!(platform.chat(STREAM).await.status, 200);
    let start = platform.worker.with(|seen| seen.starts.pop().unwrap());
    assert_eq!((start.max_tokens, start.reserved), (Some(900), want - 400));
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
    let (plain, marked_up) = platform.billing.with(|heard| (heard.asks[0].want, heard.asks[1].want));
    assert_eq!(marked_up, (plain * 105 + 99) / 100);
    assert_eq!(platform.worker.with(|seen| seen.starts[1].attempts[0].markup_basis_points), 500);
    platform.stop().await;
}
