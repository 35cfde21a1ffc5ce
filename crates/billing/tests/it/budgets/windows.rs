//! Windows begin at UTC midnight, on Monday and on the first.

use super::Team;
use crate::support::edge::Edge;

impl Team {
    /// Moves on; leases of before have ended, so another life of the edge asks.
    async fn at(&mut self, moment: &'static str, epoch: u64) {
        self.billing.shift_to(moment).await;
        self.edge = Edge::join(&self.billing.client, "edge", epoch).await;
    }
}

#[tokio::test]
async fn each_interval_begins_anew_by_itself() {
    let mut team = Team::start().await;
    for (interval, limit) in [("daily", 100), ("weekly", 250), ("monthly", 400), ("", 520)] {
        team.put("workspace", interval, limit).await;
    }
    // Wednesday, then Thursday, then the week's limit.
    team.spend(100).await;
    assert_eq!(team.ask(1).await.unwrap_err().reason, "budget");
    team.at("2030-01-17 00:00:00+00", 2).await;
    team.spend(100).await;
    team.at("2030-01-18 09:00+00", 3).await;
    assert_eq!(team.ask(51).await.unwrap_err().available, 50);
    team.spend(50).await;
    assert_eq!(
        team.state("workspace").await,
        [(520, 250, 270), (400, 250, 150), (250, 250, 0), (100, 50, 50)]
    );

    // Monday.
    team.at("2030-01-21 00:00:00+00", 4).await;
    team.spend(100).await;
    team.at("2030-01-22 00:00:00+00", 5).await;
    assert_eq!(team.ask(51).await.unwrap_err().available, 50);
    team.spend(50).await;

    // The first of the next month is a Friday; what is left for ever is left.
    team.at("2030-02-01 00:00:00+00", 6).await;
    team.spend(100).await;
    team.at("2030-02-02 00:00:00+00", 7).await;
    assert_eq!(team.ask(21).await.unwrap_err().available, 20);
    team.spend(20).await;
    team.at("2040-02-02 00:00:00+00", 8).await;
    assert_eq!(team.ask(1).await.unwrap_err().available, 0);
    team.billing.assert_sound().await;
}

#[tokio::test]
async fn what_was_admitted_before_midnight_counts_for_the_day_before() {
    let mut team = Team::start().await;
    team.put("workspace", "daily", 100).await;
    team.put("workspace", "weekly", 1_000).await;
    team.at("2030-01-16 23:59:59+00", 2).await;
    let straddling = team.ask(80).await.unwrap();
    team.at("2030-01-17 00:00:01+00", 3).await;
    let today = team.ask(100).await.unwrap();
    team.settle(&straddling, 80).await;
    team.settle(&today, 30).await;
    assert_eq!(team.state("workspace").await, [(1_000, 110, 890), (100, 30, 70)]);
    // The day's budget is made again: yesterday's is still not today's.
    team.delete("workspace", "daily").await;
    assert_eq!(team.put("workspace", "daily", 200).await.spent, 30);
    team.billing.assert_sound().await;
}

#[tokio::test]
async fn a_window_says_when_it_ends() {
    let team = Team::start().await;
    let mut ends = Vec::new();
    for (interval, limit) in [("daily", 100), ("weekly", 250), ("monthly", 400), ("", 520)] {
        ends.push(team.put("workspace", interval, limit).await.window_ends_at_ms);
    }
    let at = |day: &str| format!("{day}T00:00:00Z").parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let expected = ["2030-01-17", "2030-01-21", "2030-02-01"].map(|day| at(day).timestamp_millis()).to_vec();
    assert_eq!(ends, [expected, vec![0]].concat());
}
