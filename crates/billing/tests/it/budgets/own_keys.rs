//! What a tenant's own credentials serve: counted where a limit says so, and against the allowance.

use rpc::billing::{Granted, PutBudgetRequest, PutKeyLimitRequest};
use rpc::convert;
use rpc::events::UsageRecord;
use sqlx::Row as _;
use uuid::Uuid;

use super::Team;
use crate::support::records::{book, settle, worth};

impl Team {
    /// A record of a request that an own credential served at this list price, of which we ask nothing.
    fn own_record(&self, granted: &Granted, list_price: i64) -> UsageRecord {
        UsageRecord {
            is_byok: true,
            upstream_cost: list_price,
            markup_basis_points: -10_000,
            charge: 0,
            absorbed: 0,
            provider_cost: 0,
            usage: Some(convert::usage_out(&worth(list_price))),
            price: Some(convert::price_out(identity::PriceVersionId::generate(), &book())),
            ..self.record(granted, 0)
        }
    }

    async fn allowance(&self) -> Option<Uuid> {
        sqlx::query("select billing.own_key_allowance($1)")
            .bind(self.customer.tenant.uuid())
            .fetch_one(&self.billing.database.pool())
            .await
            .unwrap()
            .get(0)
    }

    /// What each account of `kinds` would be taken from for a record of this charge and list price.
    async fn takes(&self, is_byok: bool, reserved: i64) -> Vec<(String, i64)> {
        sqlx::query_as(
            "select coalesce(a.subject_kind, a.kind), billing.takes(jsonb_populate_record(null::billing.record,
                jsonb_build_object('charge', 10, 'upstream_cost', 200, 'is_byok', $1::boolean,
                    'reserved', $2::bigint, 'account_ids', jsonb_build_array(a.account_id))), a)
            from billing.account a where a.kind in ('credit', 'key_limit', 'budget', 'own_key_allowance')
                and a.tenant_id = $3
            order by billing.breadth(a)",
        )
        .bind(is_byok)
        .bind(reserved)
        .bind(self.customer.tenant.uuid())
        .fetch_all(&self.billing.database.pool())
        .await
        .unwrap()
    }
}

fn named(takes: &[(String, i64)]) -> Vec<(&str, i64)> {
    takes.iter().map(|(name, nanos)| (name.as_str(), *nanos)).collect()
}

#[tokio::test]
async fn each_account_is_taken_from_by_its_own_rule() {
    let team = Team::start().await;
    team.allowance().await.unwrap();
    team.put("workspace", "daily", 1_000).await;
    let counting = PutBudgetRequest { counts_own_keys: Some(true), ..team.request("member", "daily", 1_000) };
    team.budgets().put_budget(counting).await.unwrap();
    let limit = PutKeyLimitRequest {
        tenant_id: team.customer.tenant.to_string(),
        key_id: team.customer.key.to_string(),
        limit: Some(5_000),
        reset: "weekly".to_owned(),
        counts_own_keys: Some(true),
    };
    team.billing.client.clone().put_key_limit(limit).await.unwrap();

    let plain = team.takes(false, 1_000).await;
    assert_eq!(
        named(&plain),
        [("credit", 10), ("workspace", 10), ("member", 10), ("key_limit", 10), ("own_key_allowance", 0)]
    );
    let own = team.takes(true, 1_000).await;
    assert_eq!(
        named(&own),
        [("credit", 10), ("workspace", 10), ("member", 210), ("key_limit", 210), ("own_key_allowance", 200)]
    );
    // Admitted before it counted: never more than was reserved.
    let short = team.takes(true, 50).await;
    assert_eq!(
        named(&short),
        [("credit", 10), ("workspace", 10), ("member", 50), ("key_limit", 50), ("own_key_allowance", 50)]
    );
    let flags: Vec<bool> = team.accounts().await.iter().map(|account| account.counts_own_keys).collect();
    assert_eq!(flags, [false, false, true, true]);
}

#[tokio::test]
async fn whether_own_credentials_count_is_said_for_all_budgets_of_a_subject() {
    let team = Team::start().await;
    let granted = team.ask(10).await.unwrap();
    settle(&team.billing.client, &[team.own_record(&granted, 300)]).await;
    team.spend(100).await;
    assert_eq!(team.put("workspace", "monthly", 2_000).await.spent, 100);
    assert_eq!(team.put("workspace", "daily", 1_000).await.spent, 100);
    let counting =
        PutBudgetRequest { counts_own_keys: Some(true), ..team.request("workspace", "daily", 1_000) };
    let changed = team.budgets().put_budget(counting).await.unwrap().into_inner();
    assert_eq!((changed.spent, changed.counts_own_keys), (400, true));
    assert_eq!(team.state("workspace").await, [(2_000, 400, 1_600), (1_000, 400, 600)]);
    // Not said: it stays as it is, for new intervals too.
    assert!(team.put("workspace", "weekly", 1_500).await.counts_own_keys);
    let silent =
        PutBudgetRequest { counts_own_keys: Some(false), ..team.request("workspace", "weekly", 1_500) };
    team.budgets().put_budget(silent).await.unwrap();
    assert_eq!(team.state("workspace").await, [(2_000, 100, 1_900), (1_500, 100, 1_400), (1_000, 100, 900)]);
}

#[tokio::test]
async fn the_allowance_is_opened_once_and_is_nobodys_budget() {
    let team = Team::start().await;
    let account = team.allowance().await.unwrap();
    assert_eq!(team.allowance().await, Some(account));
    let opened: (i64, String, i64) = sqlx::query_as(
        "select a.limit_nano, a.reset, b.available from billing.account a join billing.balance b using (account_id)
        where a.account_id = $1",
    )
    .bind(account)
    .fetch_one(team.billing.admin())
    .await
    .unwrap();
    assert_eq!(opened, (25_000_000_000_000, "monthly".to_owned(), 25_000_000_000_000));
    assert_eq!(team.accounts().await.len(), 1, "credit alone");
    team.billing.assert_sound().await;
}
