//! Nothing is decided or freed for the time in which billing was away.

use chrono::{DateTime, Utc};
use rpc::billing::witness::Outcome;
use rpc::events::UsageRecord;

use crate::support::Billing;
use crate::support::edge::Edge;
use crate::support::records::{part, record, report_open, settle, witness};
use crate::workers::{fenced, sweep};

#[tokio::test]
async fn an_edges_word_waits_for_the_record_that_an_outage_held_up() {
    let billing = Billing::start().await;
    let customer = billing.customer(10_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask_shared(&customer, 4_000, 1).await.unwrap();
    let record = record(&customer, &part(&granted, 1_000), 700);
    edge.report(witness(&record, Outcome::Finished)).await;

    billing.stay_away(3_600.0).await;
    sweep(&billing).await;
    assert_eq!(
        billing.count("select count(*) from billing.witness").await,
        1,
        "it was decided without the record"
    );
    settle(&billing.client, &[record]).await;
    assert_eq!(billing.count("select count(*) from billing.usage where evidence = 'worker'").await, 1);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_fenced_lease_and_its_claim_get_a_whole_grace_after_an_outage() {
    let (billing, customer, shared, _) = fenced().await;
    let claim = UsageRecord { confirmed: false, ..record(&customer, &part(&shared, 1_000), 600) };
    settle(&billing.client, &[claim]).await;
    billing.stay_away(3_600.0).await;
    sweep(&billing).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 5_000));

    billing.shift_clock(61.0 + 3_600.0 + 600.0).await;
    sweep(&billing).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 5_000));
    billing.shift_clock(61.0 + 3_600.0 + 665.0).await;
    billing.eventually("select count(*) from billing.lease where reason = 'expired'", 2).await;
    assert_eq!(billing.spent_and_held(&customer).await, (600, 0));
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_worker_that_was_heard_before_an_outage_is_waited_for_after_it() {
    let (billing, customer, shared, _) = fenced().await;
    report_open(&billing.client, "worker-1", &[]).await;
    report_open(&billing.client, "worker-2", &[&shared]).await;
    billing.stay_away(3_600.0).await;
    report_open(&billing.client, "worker-1", &[]).await;
    sweep(&billing).await;
    assert_eq!(billing.spent_and_held(&customer).await, (0, 5_000), "worker-2 has not spoken yet");

    settle(&billing.client, &[record(&customer, &part(&shared, 1_000), 700)]).await;
    report_open(&billing.client, "worker-2", &[]).await;
    billing.eventually("select count(*) from billing.lease where reason = 'idle'", 2).await;
    assert_eq!(billing.spent_and_held(&customer).await, (700, 0));
    billing.assert_sound().await;
}

#[tokio::test]
async fn time_away_counts_for_nobody_until_a_whole_grace_has_been_swept() {
    let billing = Billing::start().await;
    let mut transaction = billing.admin().begin().await.unwrap();
    let day = "2030-01-01 00:00:00Z".parse::<DateTime<Utc>>().unwrap();
    let at = |minutes: i64| day + chrono::TimeDelta::minutes(minutes);
    for (beat, away_from, counts_from, now, due_by, why) in [
        (at(0), at(-900), at(-800), at(0), at(0), "it sweeps"),
        (at(0), at(-900), at(-800), at(60), at(0), "it does not sweep"),
        (at(60), at(0), at(71), at(60), at(0), "it is back"),
        (at(70), at(0), at(71), at(90), at(0), "it is away again"),
        (at(71), at(0), at(71), at(71), at(71), "it swept for a grace"),
    ] {
        sqlx::query("update billing.pulse set beat_at = $1, away_from = $2, counts_from = $3")
            .bind(beat)
            .bind(away_from)
            .bind(counts_from)
            .execute(&mut *transaction)
            .await
            .unwrap();
        let found: DateTime<Utc> = sqlx::query_scalar("select billing.due_by($1)")
            .bind(now)
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        assert_eq!(found, due_by, "{why}");
    }
}
