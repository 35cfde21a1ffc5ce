//! Credit lines: what a tenant that pays by invoice may owe.

use rpc::billing::{CreditLine, GetCreditLineRequest};
use sqlx::Row as _;

use super::Team;
use crate::support::promotion;

impl Team {
    async fn set_line(&self, nanos: i64) -> i64 {
        sqlx::query("select billing.put_credit_line($1, $2)")
            .bind(self.customer.tenant.uuid())
            .bind(nanos)
            .fetch_one(&self.billing.database.pool())
            .await
            .unwrap()
            .get(0)
    }

    /// Line, owed, held and available.
    async fn line(&self) -> (i64, i64, i64, i64) {
        let request = GetCreditLineRequest { tenant_id: self.customer.tenant.to_string() };
        let CreditLine { line, owed, held, available } =
            self.budgets().get_credit_line(request).await.unwrap().into_inner();
        (line, owed, held, available)
    }

    /// A customer without any money.
    async fn penniless() -> Self {
        let team = Self::start().await;
        let customer = team.billing.customer(0).await;
        Self { customer, ..team }
    }

    async fn pay(&self, nanos: i64, source: &str) {
        let credit = promotion(self.customer.tenant, nanos, source);
        self.billing.client.clone().grant_credit(credit).await.unwrap();
    }
}

#[tokio::test]
async fn a_line_is_spent_to_its_end_and_not_beyond() {
    let team = Team::penniless().await;
    assert_eq!(team.ask(1).await.unwrap_err().reason, "credit");
    assert_eq!(team.set_line(1_000).await, 1_000);
    team.spend(400).await;
    assert_eq!(team.line().await, (1_000, 400, 0, 600));
    let running = team.ask(600).await.unwrap();
    assert_eq!(team.ask(1).await.unwrap_err().available, 0);
    team.settle(&running, 250).await;
    let credits = team.billing.credits(team.customer.tenant).await;
    assert_eq!((credits.total_credits, credits.total_usage, credits.held, credits.line), (0, 650, 0, 1_000));
    team.pay(500, "invoice-1").await;
    assert_eq!(team.line().await, (1_000, 150, 0, 850));
    team.billing.assert_sound().await;
}

#[tokio::test]
async fn a_line_may_be_lowered_below_what_is_owed_and_held() {
    let team = Team::penniless().await;
    team.set_line(1_000).await;
    team.spend(400).await;
    let running = team.ask(500).await.unwrap();
    assert_eq!(team.set_line(300).await, -600);
    assert_eq!(team.line().await, (300, 400, 500, 0));
    assert_eq!(team.ask(1).await.unwrap_err().available, 0);
    // What was admitted under the old line settles, and is owed.
    team.settle(&running, 500).await;
    assert_eq!(team.line().await, (300, 900, 0, 0));
    team.pay(700, "invoice-1").await;
    assert_eq!(team.line().await, (300, 200, 0, 100));
    team.billing.eventually("select bound from billing.balance where bound is not null", 300).await;
    assert_eq!(team.ask(101).await.unwrap_err().available, 100);
    team.spend(100).await;
    team.billing.assert_sound().await;

    // Back to paying before: strict again once nothing is owed.
    team.set_line(0).await;
    team.pay(400, "invoice-2").await;
    team.billing.eventually("select count(*) from billing.balance where bound is not null", 0).await;
    assert_eq!(team.line().await, (0, 0, 0, 100));
    assert_eq!(team.ask(101).await.unwrap_err().available, 100);
    team.billing.assert_sound().await;
}

#[tokio::test]
async fn the_database_itself_refuses_to_pass_a_line() {
    let team = Team::penniless().await;
    team.set_line(1_000).await;
    team.spend(400).await;
    let pool = team.billing.database.pool();
    for change in [
        "update billing.balance set held = held + 601 where line > 0",
        "update billing.balance set spent = spent + 601 where line > 0",
        "update billing.balance set added = added - 601 where line > 0",
        "update billing.balance set bound = 399 where line > 0",
        "update billing.balance set line = -1",
    ] {
        let refused = sqlx::raw_sql(change).execute(&pool).await.expect_err(change);
        assert!(refused.to_string().contains("balance_"), "{change}: {refused}");
    }
    sqlx::raw_sql("update billing.balance set held = held + 600 where line > 0")
        .execute(&pool)
        .await
        .unwrap();
}
