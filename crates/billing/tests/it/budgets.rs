//! Every kind of spend account: budgets, own-key allowances, credit lines.

mod concurrency;
mod guardrails;
mod lines;
mod own_keys;
mod windows;

use identity::GroupId;
use rpc::Channel;
use rpc::billing::budgets_client::BudgetsClient;
use rpc::billing::{
    Budget, DeleteBudgetRequest, Denied, GetTermsRequest, Granted, ListBudgetsRequest, PutBudgetRequest,
    SpendAccount, Subject,
};
use rpc::events::UsageRecord;
use tonic::Status;
use uuid::Uuid;

use crate::support::edge::Edge;
use crate::support::records::{record, settle};
use crate::support::{Billing, Customer};

/// Has settlement count subjects where the schema's own totals do not yet.
pub(crate) const COUNTING: &str = r"
do $do$ begin
    if position('count_subjects' in
        pg_get_functiondef('billing.write_totals(billing.record[],timestamptz)'::regprocedure)) = 0
    then
        alter function billing.write_totals(billing.record[], timestamptz) rename to write_key_totals;
        create function billing.write_totals(p_records billing.record[], p_now timestamptz) returns void
        language plpgsql as $$ begin
            perform billing.write_key_totals(p_records, p_now);
            perform billing.count_subjects(p_records, p_now);
        end $$;
    end if;
end $do$";

/// A customer whose key is a member's, in a workspace.
struct Team {
    billing: Billing,
    customer: Customer,
    workspace: Uuid,
    member: Uuid,
    edge: Edge,
}

impl Team {
    /// With credit to spare, at noon of a Wednesday in the middle of a month.
    async fn start() -> Self {
        let billing = Billing::start().await;
        sqlx::raw_sql(COUNTING).execute(billing.admin()).await.unwrap();
        billing.shift_to("2030-01-16 12:00+00").await;
        let customer = billing.customer(1_000_000).await;
        let edge = Edge::join(&billing.client, "edge", 1).await;
        Self { billing, customer, workspace: Uuid::now_v7(), member: Uuid::now_v7(), edge }
    }

    fn subject(&self, kind: &str) -> Subject {
        let id = if kind == "member" { self.member } else { self.workspace };
        Subject { kind: kind.to_owned(), id: id.to_string() }
    }

    fn budgets(&self) -> BudgetsClient<Channel> {
        BudgetsClient::new(self.billing.channel.clone())
    }

    fn request(&self, kind: &str, interval: &str, limit: i64) -> PutBudgetRequest {
        PutBudgetRequest {
            tenant_id: self.customer.tenant.to_string(),
            subject: Some(self.subject(kind)),
            interval: interval.to_owned(),
            limit,
            counts_own_keys: None,
        }
    }

    async fn try_put(&self, kind: &str, interval: &str, limit: i64) -> Result<Budget, Status> {
        let request = self.request(kind, interval, limit);
        Ok(self.budgets().put_budget(request).await?.into_inner())
    }

    async fn put(&self, kind: &str, interval: &str, limit: i64) -> Budget {
        self.try_put(kind, interval, limit).await.unwrap()
    }

    async fn delete(&self, kind: &str, interval: &str) -> bool {
        let request = DeleteBudgetRequest {
            tenant_id: self.customer.tenant.to_string(),
            subject: Some(self.subject(kind)),
            interval: interval.to_owned(),
        };
        self.budgets().delete_budget(request).await.unwrap().into_inner().existed
    }

    /// Budgets of one subject, the longest interval first.
    async fn list(&self, subject: Subject) -> Vec<Budget> {
        let request = ListBudgetsRequest {
            tenant_id: self.customer.tenant.to_string(),
            subject: Some(subject),
            ..ListBudgetsRequest::default()
        };
        let mut budgets = self.budgets().list_budgets(request).await.unwrap().into_inner().budgets;
        let place = |budget: &Budget| {
            ["", "monthly", "weekly", "daily"].iter().position(|name| *name == budget.interval)
        };
        budgets.sort_by_key(place);
        budgets
    }

    /// Limit, spent and remaining of each.
    async fn state(&self, kind: &str) -> Vec<(i64, i64, i64)> {
        let budgets = self.list(self.subject(kind)).await;
        budgets.iter().map(|budget| (budget.limit, budget.spent, budget.remaining)).collect()
    }

    async fn accounts(&self) -> Vec<SpendAccount> {
        self.accounts_under(&[], &[]).await
    }

    async fn accounts_under(&self, guardrails: &[Uuid], member_guardrails: &[Uuid]) -> Vec<SpendAccount> {
        let texts = |ids: &[Uuid]| ids.iter().map(Uuid::to_string).collect();
        let request = GetTermsRequest {
            tenant_id: self.customer.tenant.to_string(),
            key_id: self.customer.key.to_string(),
            workspace_id: self.workspace.to_string(),
            user_id: self.member.to_string(),
            guardrail_ids: texts(guardrails),
            member_guardrail_ids: texts(member_guardrails),
        };
        self.billing.client.clone().get_terms(request).await.unwrap().into_inner().accounts
    }

    /// The customer as an edge knows it that just asked for its terms.
    async fn informed(&self) -> Customer {
        let accounts = self.accounts().await;
        self.with(accounts.into_iter().map(|account| account.account_id).collect())
    }

    fn with(&self, accounts: Vec<String>) -> Customer {
        Customer { accounts, ..self.customer.clone() }
    }

    async fn ask(&self, want: i64) -> Result<Granted, Denied> {
        self.ask_as(&self.informed().await, want).await
    }

    async fn ask_as(&self, customer: &Customer, want: i64) -> Result<Granted, Denied> {
        self.open_windows(customer).await;
        self.edge.ask_as(GroupId::generate(), customer, want, want).await
    }

    /// What an ask does where it comes first in a window.
    async fn open_windows(&self, customer: &Customer) {
        let accounts: Vec<Uuid> = customer.accounts.iter().map(|id| id.parse().unwrap()).collect();
        sqlx::query("select billing.open_windows($1, billing.clock())")
            .bind(accounts)
            .execute(&self.billing.database.pool())
            .await
            .unwrap();
    }

    /// A record of the team's.
    fn record(&self, granted: &Granted, nanos: i64) -> UsageRecord {
        UsageRecord {
            workspace_id: self.workspace.to_string(),
            user_id: self.member.to_string(),
            ..record(&self.customer, granted, nanos)
        }
    }

    /// Waits until so much of the workspace's budget is left on the day of the tests.
    async fn until_left_today(&self, nanos: i64) {
        let left =
            "select available from report.balances where kind = 'budget' and window_start = '2030-01-16'";
        self.billing.eventually(left, nanos).await;
    }

    async fn settle(&self, granted: &Granted, nanos: i64) {
        settle(&self.billing.client, &[self.record(granted, nanos)]).await;
    }

    /// One request from beginning to end.
    async fn spend(&self, nanos: i64) {
        let granted = self.ask(nanos).await.unwrap();
        self.settle(&granted, nanos).await;
    }
}

#[tokio::test]
async fn limits_fall_strictly_as_intervals_narrow() {
    let team = Team::start().await;
    team.put("workspace", "weekly", 500).await;
    for (interval, limit) in [("daily", 500), ("daily", 501), ("monthly", 500), ("", 499)] {
        let refused = team.try_put("workspace", interval, limit).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{interval} {limit}");
    }
    team.put("workspace", "", 1_000).await;
    team.put("workspace", "daily", 499).await;
    // Another subject's limits are its own.
    team.put("member", "daily", 5_000).await;
    let refused = team.try_put("workspace", "daily", 0).await.unwrap_err();
    assert!(refused.message().contains("limit"), "{refused}");

    assert!(team.delete("workspace", "weekly").await);
    assert!(!team.delete("workspace", "weekly").await);
    team.put("workspace", "daily", 999).await;
    let intervals: Vec<String> =
        team.list(team.subject("workspace")).await.into_iter().map(|budget| budget.interval).collect();
    assert_eq!(intervals, ["", "daily"]);
    let request = ListBudgetsRequest {
        tenant_id: team.customer.tenant.to_string(),
        limit: 2,
        ..ListBudgetsRequest::default()
    };
    let first = team.budgets().list_budgets(request.clone()).await.unwrap().into_inner().budgets;
    let after = first.last().unwrap().account_id.clone();
    let second = team.budgets().list_budgets(ListBudgetsRequest { after, ..request }).await.unwrap();
    assert_eq!((first.len(), second.into_inner().budgets.len()), (2, 1));
    team.billing.assert_sound().await;
}

#[tokio::test]
async fn a_key_reserves_from_all_that_limit_it_the_broadest_first() {
    let mut team = Team::start().await;
    team.put("member", "weekly", 40_000_000_000).await;
    team.put("workspace", "daily", 50_000_000_000).await;
    team.put("workspace", "monthly", 500_000_000_000).await;
    team.put("workspace", "", 2_000_500_000_000).await;
    team.billing.limit(&mut team.customer, Some(1_000), "daily").await;
    let labels: Vec<(String, String)> =
        team.accounts().await.into_iter().map(|account| (account.kind, account.label)).collect();
    let labels: Vec<(&str, &str)> =
        labels.iter().map(|(kind, label)| (kind.as_str(), label.as_str())).collect();
    assert_eq!(
        labels,
        [
            ("credit", "Credit"),
            ("budget", "Workspace lifetime budget of $2000.50"),
            ("budget", "Workspace monthly budget of $500.00"),
            ("budget", "Workspace daily budget of $50.00"),
            ("budget", "Member weekly budget of $40.00"),
            ("key_limit", "Key limit"),
        ]
    );
    let granted = team.ask(600).await.unwrap();
    assert_eq!(granted.leases.len(), 6);
    // All or none: the key is short, so nothing is held anywhere else.
    assert_eq!(team.ask(600).await.unwrap_err().reason, "key_limit");
    let held = "select count(*) from billing.balance where held = 600";
    assert_eq!(team.billing.count(held).await, 6);
    team.settle(&granted, 500).await;
    assert_eq!(
        team.billing.count("select count(*) from billing.balance where spent = 500 and held = 0").await,
        6
    );
    team.billing.assert_sound().await;
}

#[tokio::test]
async fn what_was_spent_before_a_budget_was_made_counts() {
    let team = Team::start().await;
    team.spend(300).await;
    for kind in ["workspace", "member"] {
        let budget = team.put(kind, "daily", 1_000).await;
        assert_eq!((budget.spent, budget.remaining), (300, 700));
    }
    assert_eq!(team.ask(701).await.unwrap_err().reason, "budget");
    team.spend(700).await;
    assert_eq!(team.ask(1).await.unwrap_err().available, 0);
    // Gone, and back: it counts all the same.
    team.delete("workspace", "daily").await;
    team.delete("member", "daily").await;
    team.spend(50).await;
    assert_eq!(team.put("workspace", "daily", 1_100).await.remaining, 50);
    team.billing.assert_sound().await;
}

#[tokio::test]
async fn a_changed_budget_keeps_what_was_spent_and_is_held() {
    let team = Team::start().await;
    team.put("workspace", "monthly", 1_000).await;
    team.spend(400).await;
    let running = team.ask(500).await.unwrap();
    let lowered = team.put("workspace", "monthly", 300).await;
    assert_eq!((lowered.spent, lowered.held, lowered.remaining), (400, 500, 0));
    assert_eq!(team.ask(1).await.unwrap_err().available, 0);
    team.settle(&running, 450).await;
    let raised = team.put("workspace", "monthly", 1_000).await;
    assert_eq!((raised.spent, raised.remaining), (850, 150));
    assert_eq!(team.ask(151).await.unwrap_err().available, 150);
    team.spend(150).await;
    team.billing.assert_sound().await;
}

#[tokio::test]
async fn what_was_on_its_way_past_a_new_budget_is_counted_once_it_settled() {
    let team = Team::start().await;
    let uninformed = team.informed().await;
    let running = team.ask_as(&uninformed, 600).await.unwrap();
    team.put("workspace", "daily", 1_000).await;
    team.settle(&running, 600).await;
    // An edge that has not heard of it yet.
    let late = team.ask_as(&uninformed, 100).await.unwrap();
    team.settle(&late, 100).await;
    team.billing.shift_to("2030-01-16 12:00:15+00").await;
    team.until_left_today(300).await;
    assert_eq!(team.state("workspace").await, [(1_000, 700, 300)]);
    team.billing.assert_sound().await;
}

#[tokio::test]
async fn what_was_on_its_way_past_a_new_budget_is_counted_though_billing_was_away() {
    let team = Team::start().await;
    let uninformed = team.informed().await;
    let running = team.ask_as(&uninformed, 600).await.unwrap();
    team.put("workspace", "daily", 1_000).await;
    team.billing.stay_away(7_200.0).await;
    team.settle(&running, 600).await;
    team.billing.shift_to("2030-01-16 14:00:15+00").await;
    team.until_left_today(400).await;
    team.billing.assert_sound().await;
}

#[tokio::test]
async fn corrupted_budgets_are_named() {
    let team = Team::start().await;
    team.put("workspace", "daily", 1_000).await;
    sqlx::query("select billing.own_key_allowance($1)")
        .bind(team.customer.tenant.uuid())
        .execute(&team.billing.database.pool())
        .await
        .unwrap();
    team.spend(200).await;
    team.billing.assert_sound().await;
    for corruption in [
        "update billing.balance b set spent = spent + 1 from billing.account a
            where a.account_id = b.account_id and a.kind = 'budget'",
        "update billing.balance b set spent = spent + 1 from billing.account a
            where a.account_id = b.account_id and a.kind = 'own_key_allowance'",
        "update billing.subject_usage set charge = charge + 1 where subject_kind = 'workspace'",
        "update billing.subject_usage set requests = requests + 1 where subject_kind = 'member'",
        "update billing.subject_usage set own_key_cost = 1 where subject_kind = 'member'",
        "delete from billing.subject_usage where subject_kind = 'workspace'",
        "update billing.balance set strict = false where strict",
    ] {
        let mut transaction = team.billing.admin().begin().await.unwrap();
        sqlx::raw_sql(corruption).execute(&mut *transaction).await.unwrap();
        let named: Vec<String> = sqlx::query_scalar("select distinct invariant from billing.invariants()")
            .fetch_all(&mut *transaction)
            .await
            .unwrap();
        assert!(named.iter().any(|name| name == "I7"), "{corruption}: {named:?}");
        transaction.rollback().await.unwrap();
    }
}
