//! Leases that serve many requests: when they are asked for, and when they go back.

use std::net::SocketAddr;

use bytes::Bytes;
use http::Method;
use rpc::billing::witness::Outcome;

use crate::support::worker::Step;
use crate::support::{Platform, client, eventually};

const STREAM: &str =
    r#"{"model":"acme/echo","stream":true,"max_tokens":500,"messages":[{"role":"user","content":"Hello"}]}"#;
/// The most that it may cost: a prompt token for each byte and 80 for the template at 2 nano-dollars, and 500
/// more tokens at 4.
const BOUND: i64 = (99 + 80) * 2 + 500 * 4;
/// With less it is not worth executing.
const FLOOR: i64 = (99 + 80) * 2 + 64 * 4;
/// What it does cost.
const CHARGE: i64 = 1_234;

async fn chat(platform: &Platform, address: SocketAddr) -> u16 {
    let bearer = format!("Bearer {}", platform.demo.api_key.expose());
    let headers = [("authorization", bearer.as_str())];
    let body = Bytes::from_static(STREAM.as_bytes());
    let answer = client::send(address, Method::POST, "/api/v1/chat/completions", &headers, body).await;
    client::whole(answer).await.status.as_u16()
}

/// Of so many requests at a time over these edges, how many were served.
async fn served(platform: &Platform, addresses: &[SocketAddr], rounds: usize) -> i64 {
    let mut served = 0;
    for _ in 0..rounds {
        let all = addresses.iter().cycle().take(8).map(|address| chat(platform, *address));
        served += futures::future::join_all(all).await.iter().filter(|status| **status == 200).count();
    }
    i64::try_from(served).unwrap()
}

#[tokio::test]
async fn warm_requests_ask_nobody() {
    let platform = Platform::start().await;
    assert_eq!(served(&platform, &[platform.address], 25).await, 200);
    let asks = platform.billing.with(|heard| std::mem::take(&mut heard.asks));
    assert!(asks.len() <= 12, "{asks:#?}");
    assert!(asks.iter().all(|ask| ask.shared));
    platform.stop().await;
}

#[tokio::test]
async fn those_who_wait_for_the_first_lease_share_one_ask() {
    let platform = Platform::start_with("[edge.leases]\nask_again_ms = 300", None).await;
    platform.billing.with(|heard| heard.swallow = 1);
    assert_eq!(served(&platform, &[platform.address], 1).await, 8);
    let asks = platform.billing.with(|heard| heard.asks.clone());
    assert!(asks[0].group_id == asks[1].group_id && asks.len() <= 3, "{asks:#?}");
    platform.stop().await;
}

#[tokio::test]
async fn a_clean_stop_gives_everything_back() {
    let platform = Platform::start().await;
    assert_eq!(served(&platform, &[platform.address], 1).await, 8);
    let billing = platform.billing.clone();
    assert!(billing.with(|heard| heard.books.held()) >= 32 * BOUND - 8 * CHARGE);
    platform.stop().await;
    assert_eq!(billing.with(|heard| (heard.books.held(), heard.books.spent())), (0, 8 * CHARGE));
}

#[tokio::test]
async fn a_recall_takes_what_is_idle_and_requests_go_on_one_by_one() {
    let platform = Platform::start().await;
    assert_eq!(platform.chat(STREAM).await.status, 200);
    platform.empty_the_pool().await;
    platform.billing.with(|heard| heard.asks.clear());
    assert_eq!(platform.chat(STREAM).await.status, 200);
    let start = platform.worker.with(|seen| seen.starts.pop().unwrap());
    let ask = platform.billing.with(|heard| heard.asks.remove(0));
    assert_eq!((ask.shared, ask.want, ask.group_id), (false, BOUND, start.generation_id));
    platform.stop().await;
}

#[tokio::test]
async fn what_nobody_uses_goes_back_by_itself() {
    let platform = Platform::start_with("[edge.leases]\nidle_ms = 100", None).await;
    assert_eq!(platform.chat(STREAM).await.status, 200);
    eventually("nothing is held", async || {
        platform.billing.with(|heard| (heard.books.held() == 0).then_some(()))
    })
    .await;
    assert_eq!(platform.billing.with(|heard| heard.books.spent()), CHARGE);
    assert_eq!(platform.chat(STREAM).await.status, 200);
    platform.stop().await;
}

#[tokio::test]
async fn a_balance_is_spent_to_the_last_request_over_several_edges() {
    let inline = "[edge.leases]\ntight_ms = 200";
    let platform = Platform::start_with(inline, None).await;
    let (second, third) = (platform.second_edge(inline).await, platform.second_edge(inline).await);
    let balance = 50 * CHARGE + BOUND;
    platform.billing.with(|heard| {
        heard.books.are_strict = true;
        heard.available = balance;
    });
    let addresses = [platform.address, second.address, third.address];
    let billing = platform.billing.clone();
    let mut count = 0;
    // Whoever is refused while another edge has some of it may come again.
    for _ in 0..200 {
        let is_idle = billing.with(|heard| heard.books.held()) == 0;
        let now = served(&platform, &addresses, 1).await;
        count += now;
        if is_idle && now == 0 {
            break;
        }
        // What real billing does when somebody is short.
        billing.recall(&platform.tenant.to_string());
    }
    second.stop().await;
    third.stop().await;
    platform.stop().await;
    let (held, spent) = billing.with(|heard| (heard.books.held(), heard.books.spent()));
    assert_eq!(held, 0);
    // The last ones could not pay for all of their answer, and had less of it.
    assert!(spent <= count * CHARGE && count >= 51, "{count} requests spent {spent}");
    assert!(balance - spent < FLOOR, "{} is left of {balance}, though {FLOOR} would do", balance - spent);
}

#[tokio::test]
async fn what_a_lost_worker_had_counts_as_spent_until_billing_knows_better() {
    let platform = Platform::start().await;
    platform.worker.script(vec![Step::Started(0), Step::Commit(0), Step::Data("data: 1\n\n", 5), Step::Lose]);
    platform.chat(STREAM).await;
    assert_eq!(platform.witness().await.outcome(), Outcome::Lost);
    platform.billing.recall(&platform.tenant.to_string());
    let last = eventually("the lease is done", async || {
        platform.billing.with(|heard| heard.trims.iter().find(|kept| kept.is_done).cloned())
    })
    .await;
    assert_eq!(last.keep, BOUND);
    platform.stop().await;
}

#[tokio::test]
async fn a_lease_that_could_expire_is_not_reserved_from() {
    let platform = Platform::start_with("[edge.leases]\nheartbeat_ms = 60000", None).await;
    platform.billing.with(|heard| heard.books.ttl_ms = 0);
    assert_eq!(platform.chat(STREAM).await.status, 200);
    let start = platform.worker.with(|seen| seen.starts.remove(0));
    let lease = platform.billing.with(|heard| heard.books.leases[&start.leases[0].lease_id].clone());
    assert!(!lease.is_shared, "{lease:?}");
    platform.stop().await;
}

#[tokio::test]
async fn an_earlier_life_of_an_edge_spends_nothing_any_more() {
    let platform = Platform::start_with("[edge.leases]\ndeadline_ms = 200", None).await;
    assert_eq!(platform.chat(STREAM).await.status, 200);
    platform.billing.with(|heard| heard.is_fenced = true);
    platform.billing.cut();
    eventually("the leases are dropped", async || (platform.chat(STREAM).await.status == 503).then_some(()))
        .await;
    platform.billing.with(|heard| heard.is_fenced = false);
    platform.stop().await;
}
