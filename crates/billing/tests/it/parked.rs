//! Messages that were set aside are kept until somebody decides them.

use prost::Message as _;
use rpc::billing::*;
use rpc::events::UsageRecord;
use rpc::status::DescribeRequest;
use rpc::status::service_status_client::ServiceStatusClient;

use crate::ledger::{Ledger, read};
use crate::support::Billing;
use crate::support::edge::Edge;
use crate::support::records::{record, settle};

fn decide(parked_id: i64, decision: &str, reason: &str) -> DecideParkedRequest {
    DecideParkedRequest {
        parked_id,
        decision: decision.to_owned(),
        reason: reason.to_owned(),
        actor: "operator:test".to_owned(),
    }
}

#[tokio::test]
async fn a_parked_record_is_listed_tried_again_and_let_go() {
    let billing = Billing::start().await;
    let mut ledger = Ledger::new(billing.channel.clone());
    let customer = billing.customer(10_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask(&customer, 1_000).await.unwrap();
    let good = record(&customer, &granted, 200);
    let poison = UsageRecord { tenant_id: "nobody".to_owned(), ..good.clone() };
    settle(&billing.client, &[poison]).await;
    let mut status = ServiceStatusClient::new(billing.channel.clone());
    let said = status.describe(DescribeRequest {}).await.unwrap().into_inner();
    assert_eq!((said.parked, said.version.is_empty()), (Some(1), false));
    let listed = read(ledger.list_parked(ListParkedRequest::default()).await);
    let first = &listed["data"][0];
    assert_eq!(first["content"][0]["generation_id"], good.generation_id);
    assert!(first["error"].as_str().unwrap().contains("tenant_id"));
    let id: i64 = first["parked_id"].as_str().unwrap().parse().unwrap();

    let fails = ledger.decide_parked(decide(id, "retry", "")).await.unwrap_err();
    assert_eq!(fails.code(), tonic::Code::FailedPrecondition);
    assert_eq!(billing.count("select count(*) from billing.parked").await, 1);
    for bad in [decide(id, "drop", ""), decide(id, "keep", "")] {
        assert_eq!(ledger.decide_parked(bad).await.unwrap_err().code(), tonic::Code::InvalidArgument);
    }
    let dropped = read(ledger.decide_parked(decide(id, "drop", "a test")).await);
    assert_eq!((&dropped["decision"], &dropped["reason"]), (&"drop".into(), &"a test".into()));
    assert_eq!(status.describe(DescribeRequest {}).await.unwrap().into_inner().parked, Some(0));
    let again = ledger.decide_parked(decide(id, "drop", "a test")).await.unwrap_err();
    assert_eq!(again.code(), tonic::Code::FailedPrecondition);

    // Set aside for a reason that has gone since.
    sqlx::query("insert into billing.parked (subject, payload, error) values ('record', $1, 'once')")
        .bind(good.encode_to_vec())
        .execute(billing.admin())
        .await
        .unwrap();
    let waiting = read(ledger.list_parked(ListParkedRequest::default()).await);
    assert_eq!(waiting["data"].as_array().unwrap().len(), 1);
    let id: i64 = waiting["data"][0]["parked_id"].as_str().unwrap().parse().unwrap();
    let retried = read(ledger.decide_parked(decide(id, "retry", "")).await);
    assert_eq!(retried["decided_by"], "operator:test");
    assert_eq!(billing.spent_and_held(&customer).await, (200, 0));
    let all = ListParkedRequest { decided: true, limit: 1, ..ListParkedRequest::default() };
    let page = read(ledger.list_parked(all.clone()).await);
    let after = page["next"].as_str().unwrap().to_owned();
    assert_eq!(
        read(ledger.list_parked(ListParkedRequest { after, ..all }).await)["data"][0]["reason"],
        "a test"
    );
    let unknown = ledger.decide_parked(decide(99, "drop", "x")).await.unwrap_err();
    assert_eq!(unknown.code(), tonic::Code::NotFound);
    billing.assert_sound().await;
}
