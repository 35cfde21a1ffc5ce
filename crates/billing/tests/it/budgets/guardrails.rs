//! A guardrail's budget counts for each key or member under it by itself.

use identity::KeyId;
use rpc::billing::{PutBudgetRequest, SpendAccount, Subject};
use uuid::Uuid;

use super::Team;

fn guardrail(id: Uuid) -> Subject {
    Subject { kind: "guardrail".to_owned(), id: id.to_string() }
}

impl Team {
    async fn limit_under(&self, id: Uuid, interval: &str, limit: i64) {
        let request =
            PutBudgetRequest { subject: Some(guardrail(id)), ..self.request("workspace", interval, limit) };
        self.budgets().put_budget(request).await.unwrap();
    }

    /// What is left to the only budget among some accounts.
    async fn left(&self, accounts: &[SpendAccount]) -> i64 {
        let ids: Vec<String> = accounts.iter().map(|account| account.account_id.clone()).collect();
        self.ask_as(&self.with(ids), 1_000_000).await.unwrap_err().available
    }
}

#[tokio::test]
async fn keys_and_members_have_a_budget_each() {
    let mut team = Team::start().await;
    let rule = Uuid::now_v7();
    // What was spent before the guardrail was assigned is not the guardrail's.
    team.spend(300).await;
    team.limit_under(rule, "monthly", 1_000).await;
    let of_key = team.accounts_under(&[rule], &[]).await;
    assert_eq!(of_key[1].label, "Guardrail monthly budget of $0.000001");
    assert_eq!(team.left(&of_key).await, 1_000);
    let of_member = team.accounts_under(&[], &[rule]).await;
    assert_ne!(of_key[1].account_id, of_member[1].account_id);
    assert_eq!(team.accounts_under(&[rule], &[rule]).await.len(), 3);
    assert_eq!(team.accounts_under(&[rule], &[]).await, of_key);

    let ids = |accounts: &[SpendAccount]| accounts.iter().map(|a| a.account_id.clone()).collect();
    let granted = team.ask_as(&team.with(ids(&of_key)), 400).await.unwrap();
    team.settle(&granted, 400).await;
    let granted = team.ask_as(&team.with(ids(&of_member)), 100).await.unwrap();
    team.settle(&granted, 100).await;
    assert_eq!((team.left(&of_key).await, team.left(&of_member).await), (600, 900));

    // The member's other key: a budget of its own under the same rule, and the same one of the member.
    team.customer.key = KeyId::generate();
    let of_other = team.accounts_under(&[rule], &[]).await;
    assert_eq!(team.left(&of_other).await, 1_000);
    assert_eq!(team.left(&team.accounts_under(&[], &[rule]).await).await, 900);

    // Changed for all of them at once.
    team.limit_under(rule, "monthly", 500).await;
    assert_eq!((team.left(&of_key).await, team.left(&of_other).await), (100, 500));
    let listed = team.list(guardrail(rule)).await;
    let holders = listed.iter().filter(|budget| budget.holder.is_some()).count();
    assert_eq!((listed.len(), holders), (4, 3));
    let rule_itself = listed.iter().find(|budget| budget.holder.is_none()).unwrap();
    assert_eq!((rule_itself.limit, rule_itself.spent, rule_itself.remaining), (500, 0, 500));
    team.billing.assert_sound().await;
}

#[tokio::test]
async fn a_guardrail_of_another_tenant_limits_nobody_here() {
    let team = Team::start().await;
    let rule = Uuid::now_v7();
    team.limit_under(rule, "daily", 10).await;
    let customer = team.billing.customer(1_000).await;
    let stranger = Team { customer, ..team };
    assert_eq!(stranger.accounts_under(&[rule], &[rule]).await.len(), 1);
}
