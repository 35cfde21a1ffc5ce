//! The ledger: sealed and found out when it was touched; searched; traced from a request; insert-only for everybody.

use identity::GenerationId;
use rpc::Channel;
use rpc::billing::ledger_client::LedgerClient;
use rpc::billing::*;
use rpc::events::UsageRecord;
use serde_json::Value;
use sqlx::AssertSqlSafe;

use crate::support::edge::Edge;
use crate::support::records::{record, settle};
use crate::support::{Billing, Customer};

pub(crate) type Ledger = LedgerClient<Channel>;

pub(crate) fn read(answer: Result<tonic::Response<LedgerDocument>, tonic::Status>) -> Value {
    serde_json::from_str(&answer.unwrap().into_inner().body_json).unwrap()
}

/// Charges a customer so much, a settlement each. Answers their generations.
async fn charge(billing: &Billing, customer: &Customer, charges: &[i64]) -> Vec<String> {
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let mut records: Vec<UsageRecord> = Vec::new();
    for nanos in charges {
        let granted = edge.ask(customer, 1_000).await.unwrap();
        records.push(record(customer, &granted, *nanos));
    }
    for record in &records {
        settle(&billing.client, std::slice::from_ref(record)).await;
    }
    records.into_iter().map(|record| record.generation_id).collect()
}

/// Changes what nothing may change, past triggers.
async fn plant(billing: &Billing, corruption: &str) {
    let mut session = billing.admin().acquire().await.unwrap();
    sqlx::raw_sql("set session_replication_role = replica").execute(&mut *session).await.unwrap();
    let done = sqlx::raw_sql(AssertSqlSafe(corruption.to_owned())).execute(&mut *session).await.unwrap();
    assert!(done.rows_affected() > 0, "{corruption}");
    sqlx::raw_sql("set session_replication_role = origin").execute(&mut *session).await.unwrap();
}

async fn check(billing: &Billing) -> CheckInvariantsResponse {
    billing.client.clone().check_invariants(CheckInvariantsRequest::default()).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_sealed_ledger_is_whole_and_its_sums_are_those_of_its_transfers() {
    let billing = Billing::start().await;
    let mut ledger = Ledger::new(billing.channel.clone());
    let (one, other) = (billing.customer(1_000_000).await, billing.customer(1_000_000).await);
    charge(&billing, &one, &[100, 201, 302]).await;
    billing.seal().await;
    charge(&billing, &other, &[400]).await;
    charge(&billing, &one, &[500]).await;
    billing.assert_sound().await;
    billing.seal().await;
    billing.assert_sound().await;

    let verified = read(ledger.verify_seals(VerifySealsRequest::default()).await);
    assert_eq!(verified["faults"], Value::Array(Vec::new()));
    assert_eq!(verified["transfers"], billing.count("select count(*) from billing.transfer").await);
    let sums = "with direct as (
            select account_id, sum(debited) as debited, sum(credited) as credited from (
                select debit_account as account_id, amount as debited, 0 as credited from billing.transfer
                union all select credit_account, 0, amount from billing.transfer) x group by 1)
        select count(*) from direct d full join billing.account_sums() s using (account_id)
        where (d.debited, d.credited) is distinct from (s.debited, s.credited)";
    assert_eq!(billing.count(sums).await, 0);
    let accounts = read(ledger.list_ledger_accounts(ListLedgerAccountsRequest {}).await);
    assert_eq!(accounts["debited"], accounts["credited"]);
    let of = |code: &str| {
        let data = accounts["data"].as_array().unwrap();
        data.iter().find(|account| account["code"] == code).unwrap()["balance"].as_str().unwrap().to_owned()
    };
    assert_eq!((of("revenue"), of("payable:openai")), ("0.000001503".to_owned(), "0.000001503".to_owned()));
    assert_eq!(of("tenant_credit"), "0.001998497");

    let chain = ListSealsRequest { tenant_id: one.tenant.to_string(), ..ListSealsRequest::default() };
    let chain = read(ledger.list_seals(chain).await);
    let blocks = chain["data"].as_array().unwrap();
    for pair in blocks.windows(2) {
        assert_eq!(pair[0]["prev_sha256"], pair[1]["sha256"]);
        assert_eq!(pair[0]["first_transaction"], pair[1]["end_transaction"]);
    }
    let heads = read(ledger.list_seals(ListSealsRequest::default()).await);
    assert_eq!(heads["data"].as_array().unwrap().len(), 2);
    assert!(heads["data"].as_array().unwrap().contains(&blocks[0]));
}

#[tokio::test]
async fn whoever_touches_what_is_sealed_is_found_out() {
    let billing = Billing::start().await;
    let mut ledger = Ledger::new(billing.channel.clone());
    let customer = billing.customer(1_000_000).await;
    charge(&billing, &customer, &[100, 201, 302]).await;
    billing.seal().await;
    let own = format!("tenant_id = '{}'", customer.tenant);
    let row = "source_id, kind, leg, debit_account, credit_account, amount, tenant_id, period_id, posted_at, xid, note";
    let forged = row.replacen("source_id", "gen_random_uuid()", 1);
    let stranger = forged.replace("tenant_id", "(select tenant_id from billing.tenant where not TENANT)");
    billing.customer(0).await;
    // Each with what mends it.
    for (corruption, mended, transfers) in [
        (
            "update billing.transfer set amount = amount + 1 where kind = 'usage' and amount = 201"
                .to_owned(),
            "update billing.transfer set amount = amount - 1 where kind = 'usage' and amount = 202"
                .to_owned(),
            7,
        ),
        (
            "update billing.transfer set note = 'gift' where kind = 'promotion'".to_owned(),
            "update billing.transfer set note = 'test' where kind = 'promotion'".to_owned(),
            7,
        ),
        (
            "create table kept as select * from billing.transfer where kind = 'promotion';
            delete from billing.transfer where kind = 'promotion'"
                .to_owned(),
            "insert into billing.transfer select * from kept; drop table kept".to_owned(),
            7,
        ),
        (
            format!(
                "insert into billing.transfer ({row}) select {forged} from billing.transfer where kind = 'promotion'"
            ),
            "delete from billing.transfer where kind = 'promotion' and source_id <>
                md5((select tenant_id from billing.transfer where kind = 'usage' limit 1) || '/first')::uuid"
                .to_owned(),
            7,
        ),
        (
            format!(
                "insert into billing.transfer ({row}) select {} from billing.transfer where kind = 'promotion'",
                stranger.replace("TENANT", &own)
            ),
            format!("delete from billing.transfer where not {own}"),
            7,
        ),
        ("update billing.seal set sha256 = sha256('x') where block = 1".to_owned(), String::new(), 7),
    ] {
        plant(&billing, &corruption).await;
        let faults = read(ledger.verify_seals(VerifySealsRequest::default()).await)["faults"].clone();
        assert_ne!(faults.as_array().unwrap().len(), 0, "{corruption}");
        let found = check(&billing).await.breaches;
        let named = found.iter().find(|breach| breach.invariant == "I13").expect(&corruption);
        assert!(!named.tenant_id.is_empty(), "{named:?}");
        if mended.is_empty() {
            continue;
        }
        plant(&billing, &mended).await;
        billing.assert_sound().await;
        assert_eq!(billing.count("select count(*) from billing.transfer").await, transfers);
    }
}

#[tokio::test]
async fn a_block_that_was_taken_away_with_its_transfers_is_missed() {
    let billing = Billing::start().await;
    billing.customer(1_000).await;
    billing.seal().await;
    plant(&billing, "delete from billing.seal").await;
    assert!(check(&billing).await.breaches.iter().any(|breach| breach.invariant == "I13"));
    plant(&billing, "delete from billing.transfer").await;
    assert!(check(&billing).await.breaches.iter().any(|breach| breach.detail.contains("blocks")));
}

#[tokio::test]
async fn old_blocks_are_walked_by_and_by() {
    let billing = Billing::start().await;
    let customer = billing.customer(1_000_000).await;
    charge(&billing, &customer, &[100, 201, 302, 403]).await;
    billing.seal().await;
    billing.shift_clock(86_400.0).await;
    plant(&billing, "update billing.transfer set note = 'x' where amount = 302 and kind = 'usage'").await;
    let recent = "select count(*) from billing.invariants(billing.clock() - interval '1 hour')";
    assert_eq!(billing.count(recent).await, 0);
    let mut found = 0;
    for _ in 0..billing.count("select count(*) from billing.seal").await {
        found += billing.count("select count(*) from billing.walk_seals(1)").await;
    }
    assert_eq!(found, 1);
}

/// Ways to break the books past triggers, the invariants that must name each, and what they must tell.
const CORRUPTIONS: [(&str, &[&str], &str); 8] = [
    ("update billing.balance set spent = spent + 5, added = added + 5 where strict", &["I1"], "account"),
    ("delete from billing.usage where charge = 201", &["I4", "I5"], "generation"),
    (
        "update billing.transfer set amount = 202 where amount = 201 and kind = 'usage'",
        &["I3", "I1"],
        "generation",
    ),
    ("update billing.balance set held = held + 7 where strict", &["I2"], "account"),
    ("delete from billing.settlement where execution = 1", &["I5"], "generation"),
    ("update billing.usage set charge = charge - 1 where charge = 201", &["I3", "I8"], "generation"),
    ("update billing.usage set provider_response_id = 'same'", &["I12"], "generation"),
    ("update billing.seal set sha256 = sha256('x')", &["I13"], "tenant"),
];

#[tokio::test]
async fn each_planted_corruption_is_named_by_one_check_with_what_to_look_at() {
    for (corruption, invariants, what) in CORRUPTIONS {
        let billing = Billing::start().await;
        let customer = billing.customer(1_000_000).await;
        let generations = charge(&billing, &customer, &[201, 302]).await;
        if invariants.contains(&"I13") {
            billing.seal().await;
        }
        billing.assert_sound().await;
        plant(&billing, corruption).await;
        let found = check(&billing).await;
        for invariant in invariants {
            let breach =
                found.breaches.iter().find(|breach| breach.invariant == *invariant).expect(corruption);
            assert_eq!(breach.tenant_id, customer.tenant.to_string(), "{breach:?}");
            match what {
                "account" => assert_eq!(breach.account_id, customer.accounts[0], "{breach:?}"),
                "generation" if *invariant != "I1" => {
                    assert!(generations.contains(&breach.generation_id), "{breach:?}");
                }
                _ => {}
            }
            let told = found.invariants.iter().find(|told| told.name == *invariant).unwrap();
            assert!(told.checked_at_ms > 0 && told.whole_at_ms > 0 && !told.meaning.is_empty());
        }
        // It stays open until a check as deep does not see it, and is kept afterwards.
        let kept = CheckInvariantsRequest { kept: true };
        let kept = billing.client.clone().check_invariants(kept).await.unwrap().into_inner();
        assert_eq!(kept.breaches, found.breaches);
        let once = i64::try_from(found.breaches.len()).unwrap();
        assert_eq!(check(&billing).await.breaches.len(), found.breaches.len());
        assert_eq!(billing.count("select count(*) from billing.breach").await, once);
    }
}

#[tokio::test]
async fn a_breach_ends_when_it_is_mended() {
    let billing = Billing::start().await;
    billing.customer(1_000_000).await;
    plant(&billing, "update billing.balance set held = held + 7 where strict").await;
    assert_eq!(check(&billing).await.breaches.len(), 1);
    plant(&billing, "update billing.balance set held = held - 7 where strict").await;
    billing.assert_sound().await;
    assert_eq!(billing.count("select count(*) from billing.breach where ended_at is not null").await, 1);
    assert_eq!(billing.count("select count(*) from report.breaches").await, 1);
}

#[tokio::test]
async fn a_check_that_fails_is_a_breach_itself() {
    let billing = Billing::start().await;
    let customer = billing.customer(1_000_000).await;
    charge(&billing, &customer, &[201]).await;
    plant(&billing, "update billing.price_version set base[5] = 9223372036854775807").await;
    plant(&billing, "update billing.usage set output = 9223372036854775807").await;
    let found = check(&billing).await.breaches;
    let named = found.iter().find(|breach| breach.invariant == "I8").unwrap();
    assert!(named.detail.contains("could not be checked"), "{named:?}");
}

#[tokio::test]
async fn money_in_clearing_must_arrive_once_payouts_are_booked() {
    let billing = Billing::start().await;
    let customer = billing.customer(0).await;
    let mut ledger = Ledger::new(billing.channel.clone());
    let bought = GrantCreditRequest {
        tenant_id: customer.tenant.to_string(),
        amount: 1_000,
        kind: "purchase".to_owned(),
        reason: String::new(),
        source_id: "order".to_owned(),
        expires_at_ms: 0,
    };
    billing.client.clone().grant_credit(bought).await.unwrap();
    billing.seal().await;
    billing.shift_clock(50.0 * 86_400.0).await;
    billing.assert_sound().await;
    let payout = RecordPayoutRequest { amount: 400, source_id: "po-1".to_owned(), note: String::new() };
    for _ in 0..2 {
        assert_eq!(ledger.record_payout(payout.clone()).await.unwrap().into_inner().clearing, 600);
    }
    let other = RecordPayoutRequest { amount: 401, ..payout.clone() };
    assert_eq!(ledger.record_payout(other).await.unwrap_err().code(), tonic::Code::FailedPrecondition);
    billing.seal().await;
    let found = check(&billing).await.breaches;
    assert!(found.len() == 1 && found[0].invariant == "I11" && !found[0].account_id.is_empty(), "{found:?}");
    let rest = RecordPayoutRequest { amount: 600, source_id: "po-2".to_owned(), ..payout };
    ledger.record_payout(rest).await.unwrap();
    billing.seal().await;
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_generations_money_is_told_step_by_step() {
    let billing = Billing::start().await;
    let mut ledger = Ledger::new(billing.channel.clone());
    let mut customer = billing.customer(1_000_000).await;
    billing.limit(&mut customer, Some(500_000), "").await;
    let generation = charge(&billing, &customer, &[201]).await.remove(0);
    let trace = |id: String| TraceMoneyRequest { generation_id: id };
    let before = read(ledger.trace_money(trace(generation.clone())).await);
    assert_eq!(before["transfers"][0]["seal"], Value::Null);
    billing.seal().await;
    let money = read(ledger.trace_money(trace(generation.clone())).await);
    assert_eq!((&money["state"], &money["usage"]["charge"]), (&"settled".into(), &"0.000000201".into()));
    let steps = money["charge"]["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2);
    assert_eq!(
        (&steps[1]["class"], &steps[1]["units"], &steps[1]["picos"]),
        (&"output".into(), &100.into(), &200_000.into())
    );
    assert_eq!(
        (&money["charge"]["exact"], &money["charge"]["agrees"]),
        (&"0.000000201".into(), &true.into())
    );
    assert_eq!(money["leases"].as_array().unwrap().len(), 2);
    let transfers = money["transfers"].as_array().unwrap();
    let kinds: Vec<&str> = transfers.iter().filter_map(|transfer| transfer["kind"].as_str()).collect();
    assert_eq!(kinds, ["provider_cost", "usage"]);
    assert_eq!(transfers[1]["credit"]["code"], "revenue");
    assert_eq!(transfers[1]["seal"]["block"], transfers[1]["block"]);
    assert_eq!(money["period"]["state"], "open");

    let edge = Edge::join(&billing.client, "edge-2", 1).await;
    let granted = edge.ask(&customer, 1_000).await.unwrap();
    let claim = UsageRecord { confirmed: false, ..record(&customer, &granted, 200) };
    settle(&billing.client, std::slice::from_ref(&claim)).await;
    let waiting = read(ledger.trace_money(trace(claim.generation_id)).await);
    assert_eq!(waiting["state"], "waiting");
    let unknown = ledger.trace_money(trace(GenerationId::generate().uuid().to_string())).await.unwrap_err();
    assert_eq!(unknown.code(), tonic::Code::NotFound);
}

#[tokio::test]
async fn transfers_are_found_page_by_page() {
    let billing = Billing::start().await;
    let mut ledger = Ledger::new(billing.channel.clone());
    let (customer, stranger) = (billing.customer(1_000_000).await, billing.customer(1_000_000).await);
    let generations = charge(&billing, &customer, &[100, 201, 302, 403]).await;
    charge(&billing, &stranger, &[504]).await;
    let all = ListTransfersRequest { tenant_id: customer.tenant.to_string(), limit: 2, ..Default::default() };
    let mut found = Vec::new();
    let mut wanted = all.clone();
    loop {
        let page = read(ledger.list_transfers(wanted.clone()).await);
        found.extend(page["data"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        wanted.after = next.to_owned();
    }
    assert_eq!(found.len(), 9);
    assert!(found.iter().all(|transfer| transfer["tenant_id"] == customer.tenant.to_string()));
    let pages = ledger.clone();
    let counted = |request: ListTransfersRequest| {
        let mut ledger = pages.clone();
        async move { read(ledger.list_transfers(request).await)["data"].as_array().unwrap().len() }
    };
    let any = ListTransfersRequest::default();
    for (request, wanted) in [
        (any.clone(), 12),
        (ListTransfersRequest { kind: "usage".to_owned(), ..any.clone() }, 5),
        (ListTransfersRequest { account: "payable:openai".to_owned(), ..any.clone() }, 5),
        (ListTransfersRequest { account: customer.accounts[0].clone(), ..any.clone() }, 5),
        (ListTransfersRequest { account: "nowhere".to_owned(), ..any.clone() }, 0),
        (ListTransfersRequest { source_id: generations[0].clone(), ..any.clone() }, 2),
        (ListTransfersRequest { least: Some(302), most: Some(504), ..any.clone() }, 6),
        (ListTransfersRequest { until_ms: Some(0), ..any.clone() }, 0),
        (ListTransfersRequest { from_ms: Some(0), kind: "promotion".to_owned(), ..any.clone() }, 2),
    ] {
        let told = format!("{request:?}");
        assert_eq!(counted(request).await, wanted, "{told}");
    }
    // Others wrote so much since that the newest transactions hold none of the ledger.
    for _ in 0..100 {
        billing.count("select pg_current_xact_id()::text::bigint").await;
    }
    let passed_over =
        "select billing.newest_transfer(billing.xid_number(pg_snapshot_xmax(pg_current_snapshot())))
        - (select max(billing.xid_number(xid)) from billing.transfer)";
    let left = billing.count(passed_over).await;
    assert!((0..32).contains(&left), "{left} transactions without a transfer are looked at");
    let (mut pages_of_all, mut after) = (Vec::new(), String::new());
    loop {
        let page = read(ledger.list_transfers(ListTransfersRequest { limit: 5, after, ..any.clone() }).await);
        pages_of_all.extend(page["data"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        after = next.to_owned();
    }
    let whole = read(ledger.list_transfers(any.clone()).await);
    assert_eq!(&pages_of_all, whole["data"].as_array().unwrap(), "pages of five tell what one page tells");
    for bad in [
        ListTransfersRequest { tenant_id: "x".to_owned(), ..any.clone() },
        ListTransfersRequest { after: "1/2/3".to_owned(), ..any.clone() },
        ListTransfersRequest { source_id: "'; drop table billing.transfer; --".to_owned(), ..any.clone() },
    ] {
        assert_eq!(ledger.list_transfers(bad).await.unwrap_err().code(), tonic::Code::InvalidArgument);
    }
    let quoted = ListTransfersRequest { kind: "it's \\ %s".to_owned(), ..any };
    assert_eq!(counted(quoted).await, 0);
}
