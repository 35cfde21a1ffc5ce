//! Streams that are paid for piece by piece.

use rpc::router::Attempt;

use crate::support::Platform;
use crate::support::router::attempt;
use crate::support::worker::Step;

const STREAM: &str = r#"{"model":"acme/echo","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;
const WHOLE: &str = r#"{"model":"acme/echo","messages":[{"role":"user","content":"Hello"}]}"#;
const CONFIG: &str = "[edge.leases]\nquantum_tokens = 100\ntight_ms = 1";
/// Nano-USD that a hundred completion tokens cost.
const STEP: i64 = 400;

/// An edge with one endpoint, at four nano-dollars a completion token, where a stream can be stopped.
async fn platform() -> Platform {
    let platform = Platform::start_with(CONFIG, None).await;
    let endpoint = Attempt { can_stop: true, ..attempt(1, 4) };
    platform.router.with(|said| said.attempts = vec![endpoint]);
    platform
}

/// A stream that uses most of its quantum, is extended, and uses most of that too.
fn long_stream() -> Vec<Step> {
    vec![
        Step::Started(0),
        Step::Commit(0),
        Step::Used("data: {\"n\":1}\n\n", 74),
        Step::Used("data: {\"n\":2}\n\n", 75),
        Step::AwaitGrant,
        Step::Used("data: {\"n\":3}\n\n", 150),
        Step::AwaitGrant,
        Step::Used("data: {\"n\":4}\n\ndata: [DONE]\n\n", 180),
        Step::Final(700),
    ]
}

#[tokio::test]
async fn a_long_stream_reserves_one_quantum_after_the_other() {
    let platform = platform().await;
    platform.worker.script(long_stream());
    assert_eq!(platform.chat(STREAM).await.status, 200);
    let start = platform.worker.with(|seen| seen.starts.pop().unwrap());
    assert_eq!((start.quantum_tokens, start.max_tokens), (Some(100), None));
    let prompt = start.reserved - STEP;
    assert!(prompt > 0, "reserved {}", start.reserved);
    let grants = platform.worker.with(|seen| std::mem::take(&mut seen.grants));
    let granted: Vec<_> = grants.iter().map(|grant| (grant.amount, grant.tokens)).collect();
    assert_eq!(granted, [(STEP, 100), (STEP, 100)]);
    let witness = platform.witness().await;
    assert_eq!(witness.reserved, prompt + 3 * STEP);
    assert_eq!(witness.leases.iter().map(|lease| lease.amount).sum::<i64>(), witness.reserved);
    platform.empty_the_pool().await;
    platform.billing.with(|heard| assert_eq!(heard.books.breaches, Vec::<String>::new()));
    platform.stop().await;
}

#[tokio::test]
async fn a_stream_is_told_when_there_is_no_more() {
    let platform = platform().await;
    platform.worker.script(long_stream());
    platform.chat(STREAM).await;
    let reserved = platform.worker.with(|seen| seen.starts.pop().unwrap().reserved);
    platform.empty_the_pool().await;
    platform.worker.with(|seen| seen.grants.clear());
    let tenant = platform.tenant.to_string();
    platform.billing.with(|heard| {
        heard.books.are_strict = true;
        heard.available = heard.books.taken(&tenant) + reserved;
    });
    platform.worker.script(vec![
        Step::Started(0),
        Step::Commit(0),
        Step::Used("data: {\"n\":1}\n\n", 99),
        Step::AwaitGrant,
        Step::Used("data: {\"n\":2}\n\ndata: [DONE]\n\n", 100),
        Step::Final(reserved),
    ]);
    assert_eq!(platform.chat(STREAM).await.status, 200);
    let grants = platform.worker.with(|seen| std::mem::take(&mut seen.grants));
    assert_eq!((grants.len(), grants[0].tokens, grants[0].amount), (1, 0, 0));
    platform.stop().await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_stopped_reserves_its_whole_bound() {
    let platform = platform().await;
    assert_eq!(platform.chat(WHOLE).await.status, 200);
    let endless = Attempt { can_stop: false, ..attempt(1, 4) };
    platform.router.with(|said| said.attempts = vec![endless]);
    assert_eq!(platform.chat(STREAM).await.status, 200);
    for start in platform.worker.with(|seen| std::mem::take(&mut seen.starts)) {
        assert_eq!(start.quantum_tokens, None);
        assert!(start.reserved >= 10 * STEP, "reserved {}", start.reserved);
    }
    platform.stop().await;
}
