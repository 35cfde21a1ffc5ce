//! Many asks at once at the edge of several budgets.

use futures::future::join_all;

use super::Team;
use crate::support::edge::Edge;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_budgets_none_is_passed_and_each_ask_gets_all_or_nothing() {
    let mut team = Team::start().await;
    // Worth 60, 50 and 40 requests of 1,000; the key's own limit 45.
    team.put("workspace", "monthly", 60_500).await;
    team.put("workspace", "daily", 50_999).await;
    team.put("member", "weekly", 40_001).await;
    team.billing.limit(&mut team.customer, Some(45_000), "daily").await;
    let customer = team.informed().await;
    assert_eq!(customer.accounts.len(), 5);
    let edges = join_all((0..3).map(|n| {
        let client = team.billing.client.clone();
        async move { Edge::join(&client, &format!("edge-{n}"), 1).await }
    }))
    .await;
    let asks = (0..256).map(|n| edges[n % 3].ask(&customer, 1_000));
    let granted: Vec<_> = join_all(asks).await.into_iter().filter_map(Result::ok).collect();
    assert_eq!(granted.len(), 40);
    assert!(granted.iter().all(|granted| granted.leases.len() == 5));
    team.billing.assert_sound().await;
    assert_eq!(team.billing.count("select count(*) from billing.balance where held = 40000").await, 5);

    // Half of each comes back, and can be spent again.
    join_all(granted.iter().map(|granted| team.settle(granted, 500))).await;
    let asks = (0..256).map(|n| edges[n % 3].ask(&customer, 1_000));
    let again: Vec<_> = join_all(asks).await.into_iter().filter_map(Result::ok).collect();
    assert_eq!(again.len(), 20);
    join_all(again.iter().map(|granted| team.settle(granted, 1_000))).await;
    assert_eq!(team.state("member").await, [(40_001, 40_000, 1)]);
    team.billing.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn budgets_that_change_meanwhile_are_never_passed() {
    let team = Team::start().await;
    team.put("workspace", "daily", 30_000).await;
    let customer = team.informed().await;
    let asks = (0..200).map(|_| async {
        loop {
            match team.edge.ask(&customer, 1_000).await {
                Ok(granted) => {
                    team.settle(&granted, 1_000).await;
                    break 1_000;
                }
                // The change held the balance for longer than an ask waits: an edge asks again.
                Err(denied) if denied.reason == "unavailable" => {}
                Err(denied) => {
                    assert_eq!(denied.reason, "budget");
                    break 0;
                }
            }
        }
    });
    let changes = async {
        for limit in [20_000, 45_000, 10_000, 50_000] {
            team.put("workspace", "daily", limit).await;
            tokio::task::yield_now().await;
        }
    };
    let (spent, ()) = tokio::join!(join_all(asks), changes);
    let spent: i64 = spent.into_iter().sum();
    assert!((10_000..=50_000).contains(&spent), "{spent}");
    assert_eq!(team.state("workspace").await, [(50_000, spent, 50_000 - spent)]);
    team.billing.assert_sound().await;
}
