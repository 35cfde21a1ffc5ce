//! Providers' bills: imported once, compared, paid, cleared.

use std::collections::HashMap;

use rpc::billing::*;
use rpc::events::UsageRecord;
use serde_json::Value;

use crate::ledger::{Ledger, read};
use crate::support::edge::Edge;
use crate::support::records::{record, settle};
use crate::support::{Billing, Customer};

/// Usage of one model, worth so many nano-dollars each. Answers the records.
async fn use_model(billing: &Billing, customer: &Customer, model: &str, costs: &[i64]) -> Vec<UsageRecord> {
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let mut records = Vec::new();
    for cost in costs {
        let granted = edge.ask(customer, 1_000_000).await.unwrap();
        records.push(UsageRecord { model: model.to_owned(), ..record(customer, &granted, *cost) });
    }
    settle(&billing.client, &records).await;
    records
}

fn today() -> String {
    chrono::Utc::now().date_naive().to_string()
}

fn bill(csv: &str) -> ImportBillRequest {
    let (first, last) = (chrono::Utc::now() - chrono::TimeDelta::days(2), chrono::Utc::now());
    ImportBillRequest {
        provider: "openai".to_owned(),
        format: "generic".to_owned(),
        first_day: first.date_naive().to_string(),
        last_day: last.date_naive().to_string(),
        file_name: "november.csv".to_owned(),
        csv: csv.as_bytes().to_vec().into(),
        columns: HashMap::new(),
        models: HashMap::new(),
        actor: "operator:test".to_owned(),
    }
}

/// The bill once it is compared.
async fn compared(billing: &Billing, imported: &Value) -> Value {
    billing
        .eventually("select count(*) from billing.provider_bill where state in ('queued', 'comparing')", 0)
        .await;
    let id = imported["bill_id"].as_str().unwrap().to_owned();
    let request = GetBillRequest { bill_id: id, ..GetBillRequest::default() };
    read(Ledger::new(billing.channel.clone()).get_bill(request).await)
}

#[tokio::test]
async fn a_bill_is_compared_request_by_request() {
    let billing = Billing::start().await;
    let mut ledger = Ledger::new(billing.channel.clone());
    let customer = billing.customer(1_000_000_000).await;
    let records = use_model(&billing, &customer, "openai/gpt-4o", &[100_000, 200_000, 300_000]).await;
    let mut csv = "day,request_id,model,input_tokens,output_tokens,cost\n".to_owned();
    for (id, usd) in [
        (records[0].provider_response_id.as_str(), "0.0001"),
        // 1 % more than we know of.
        (records[1].provider_response_id.as_str(), "0.000202"),
        ("resp-unknown", "0.00005"),
    ] {
        csv.push_str(&format!("{},{id},gpt-4o-2024-08-06,1,2,{usd}\n", today()));
    }
    let imported = read(ledger.import_bill(bill(&csv)).await);
    assert_eq!((&imported["lines"], &imported["amount"]), (&3.into(), &"0.000352".into()));
    let again = read(ledger.import_bill(bill(&csv)).await);
    assert_eq!(again["bill_id"], imported["bill_id"]);
    assert_eq!(billing.count("select count(*) from billing.provider_bill_line").await, 3);

    let told = compared(&billing, &imported).await;
    assert_eq!((&told["state"], &told["progress"]["compared"]), (&"compared".into(), &3.into()));
    let kinds: Vec<(&str, &str)> = told["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["kind"].as_str().unwrap(), row["request_id"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(kinds.len(), 4, "{kinds:?}");
    for wanted in [
        ("amount", records[1].provider_response_id.as_str()),
        ("missing_here", "resp-unknown"),
        ("missing_there", records[2].provider_response_id.as_str()),
        ("model_day", ""),
    ] {
        assert!(kinds.contains(&wanted), "{wanted:?} {kinds:?}");
    }
    let model = &told["by_model"][0];
    assert_eq!((&model["model"], &model["is_alert"]), (&"gpt-4o".into(), &true.into()));
    assert_eq!((&model["ours"], &model["theirs"]), (&"0.0006".into(), &"0.000352".into()));
    assert_eq!(model["endpoint_ids"].as_array().unwrap().len(), 3);
    assert_eq!(told["alerts"], 1);
    assert!(billing.metrics.render().contains("billing_bill_alerts_total 1"));
}

#[tokio::test]
async fn a_bill_by_model_and_day_that_agrees_alerts_nobody_and_is_paid() {
    let billing = Billing::start().await;
    let mut ledger = Ledger::new(billing.channel.clone());
    let customer = billing.customer(1_000_000_000).await;
    use_model(&billing, &customer, "openai/gpt-4o", &[100_000, 200_000]).await;
    use_model(&billing, &customer, "openai/o3", &[500_000]).await;
    let day = today();
    let csv = format!(
        "start_time_iso,amount_value,line_item\n\
        {day}T00:00:00+00:00,0.0001,\"gpt-4o-2024-08-06, input\"\n\
        {day}T00:00:00+00:00,0.000201,\"gpt-4o-2024-08-06, output\"\n\
        {day}T00:00:00+00:00,0.0005,\"reasoner\"\n"
    );
    let request = ImportBillRequest {
        format: "openai".to_owned(),
        models: [("reasoner".to_owned(), "openai/o3".to_owned())].into(),
        ..bill(&csv)
    };
    let imported = read(ledger.import_bill(request).await);
    let told = compared(&billing, &imported).await;
    assert_eq!(told["alerts"], 0, "{told}");
    assert_eq!((&told["ours"], &told["difference"]), (&"0.0008".into(), &"0.000001".into()));

    let id = imported["bill_id"].as_str().unwrap().to_owned();
    let pay = PayBillRequest { bill_id: id, amount: 801_000, reference: "wire 7".to_owned() };
    for _ in 0..2 {
        assert_eq!(read(ledger.pay_bill(pay.clone()).await)["paid"], "0.000801");
    }
    let other = ledger.pay_bill(PayBillRequest { amount: 1, ..pay.clone() }).await.unwrap_err();
    assert_eq!(other.code(), tonic::Code::FailedPrecondition);
    let accounts = read(ledger.list_ledger_accounts(ListLedgerAccountsRequest {}).await);
    let of = |code: &str| {
        let data = accounts["data"].as_array().unwrap();
        data.iter().find(|account| account["code"] == code).unwrap()["balance"].clone()
    };
    assert_eq!((of("payable:openai"), of("cogs_variance:openai")), ("0".into(), "0.000001".into()));
    assert_eq!(of("cash"), "-0.000801");
    billing.assert_sound().await;

    // A second bill for the same days is compared and not paid.
    let second = read(ledger.import_bill(bill(&format!("day,model,cost\n{day},gpt-4o,1\n"))).await);
    compared(&billing, &second).await;
    let twice = PayBillRequest { bill_id: second["bill_id"].as_str().unwrap().to_owned(), ..pay };
    assert_eq!(ledger.pay_bill(twice).await.unwrap_err().code(), tonic::Code::FailedPrecondition);
    let listed = read(ledger.list_bills(ListBillsRequest { limit: 1, ..Default::default() }).await);
    assert_eq!(listed["data"][0]["bill_id"], second["bill_id"]);
    let after = listed["next"].as_str().unwrap().to_owned();
    let older = read(ledger.list_bills(ListBillsRequest { limit: 1, after, ..Default::default() }).await);
    assert_eq!(older["data"][0]["bill_id"], imported["bill_id"]);
}

#[tokio::test]
async fn what_an_execution_that_lost_cost_is_on_our_side_too() {
    let billing = Billing::start().await;
    let mut ledger = Ledger::new(billing.channel.clone());
    let customer = billing.customer(1_000_000_000).await;
    let records = use_model(&billing, &customer, "openai/gpt-4o", &[100_000]).await;
    let lost = UsageRecord { execution: 2, provider_response_id: "resp-2".to_owned(), ..records[0].clone() };
    settle(&billing.client, &[lost]).await;
    let csv = format!("day,model,cost\n{},gpt-4o,0.0002\n", today());
    let imported = read(ledger.import_bill(bill(&csv)).await);
    let told = compared(&billing, &imported).await;
    assert_eq!((&told["ours"], &told["alerts"]), (&"0.0002".into(), &0.into()), "{told}");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_refused_with_its_line() {
    let billing = Billing::start().await;
    let mut ledger = Ledger::new(billing.channel.clone());
    let csv = format!("day,model,cost\n{},m,cheap\n", today());
    let refused = ledger.import_bill(bill(&csv)).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    assert!(refused.message().contains("line 2"), "{refused}");
    let unknown = GetBillRequest { bill_id: uuid::Uuid::now_v7().to_string(), ..GetBillRequest::default() };
    assert_eq!(ledger.get_bill(unknown).await.unwrap_err().code(), tonic::Code::NotFound);
    let unknown = PayBillRequest { bill_id: uuid::Uuid::now_v7().to_string(), ..PayBillRequest::default() };
    assert_eq!(ledger.pay_bill(unknown).await.unwrap_err().code(), tonic::Code::NotFound);
}
