//! The budgets of guardrails, which billing enforces. A limit is there before the guardrail that has it is in force,
//! and goes after: a crash in between leaves a limit too many, never one too few, and the next change of the
//! guardrail puts it right.

use identity::TenantId;
use pricing::Amount;
use rpc::Channel;
use rpc::billing::budgets_client::BudgetsClient;
use rpc::billing::{DeleteBudgetRequest, ListBudgetsRequest, PutBudgetRequest, Subject};
use uuid::Uuid;

use crate::http::reply::Refusal;
use crate::service::App;
use crate::store::guardrails::Guardrail;

/// Intervals from the narrowest on; the last is for ever.
const INTERVALS: [&str; 4] = ["daily", "weekly", "monthly", ""];

fn client(app: &App) -> BudgetsClient<Channel> {
    BudgetsClient::new(app.billing.clone())
}

fn subject(guardrail: Uuid) -> Subject {
    Subject { kind: "guardrail".to_owned(), id: guardrail.to_string() }
}

fn interval(guardrail: &Guardrail) -> &str {
    guardrail.reset_interval.as_deref().unwrap_or_default()
}

fn width(interval: &str) -> Option<usize> {
    INTERVALS.iter().position(|known| *known == interval)
}

/// Tells billing of a guardrail's limit and waits until it is kept.
pub(super) async fn put(
    app: &App,
    tenant: TenantId,
    before: Option<&Guardrail>,
    now: &Guardrail,
) -> Result<(), Refusal> {
    let Some(limit) = now.limit else { return Ok(()) };
    if let Some(before) = before
        && let Some(old) = before.limit
        && let Some(aside) = aside((interval(before), old), (interval(now), limit))
    {
        put_one(app, tenant, before, interval(before), aside).await?;
    }
    put_one(app, tenant, now, interval(now), limit).await
}

/// What the limit of another interval has to be beside a new one: limits fall as intervals narrow. `None` = it may
/// stay as it is, or there is no room for it.
fn aside((old_interval, old): (&str, Amount), (interval, limit): (&str, Amount)) -> Option<Amount> {
    let beside = match width(old_interval).cmp(&width(interval)) {
        std::cmp::Ordering::Less if old >= limit => limit.nanos().checked_sub(1)?,
        std::cmp::Ordering::Greater if old <= limit => limit.nanos().checked_add(1)?,
        _ => return None,
    };
    (beside > 0).then(|| Amount::from_nanos(beside))
}

async fn put_one(
    app: &App,
    tenant: TenantId,
    guardrail: &Guardrail,
    interval: &str,
    limit: Amount,
) -> Result<(), Refusal> {
    let message = PutBudgetRequest {
        tenant_id: tenant.to_string(),
        subject: Some(subject(guardrail.id)),
        interval: interval.to_owned(),
        limit: limit.nanos(),
        counts_own_keys: Some(guardrail.counts_own_keys),
    };
    client(app).put_budget(message).await?;
    Ok(())
}

/// Takes all limits away from a guardrail but the one it has.
pub(super) async fn settle(
    app: &App,
    tenant: TenantId,
    guardrail: Uuid,
    kept: Option<&Guardrail>,
) -> Result<(), Refusal> {
    let message = ListBudgetsRequest {
        tenant_id: tenant.to_string(),
        subject: Some(subject(guardrail)),
        ..ListBudgetsRequest::default()
    };
    let found = client(app).list_budgets(message).await?.into_inner();
    let rules = found.budgets.into_iter().filter(|budget| budget.holder.is_none());
    for budget in rules.filter(|budget| kept.is_none_or(|kept| interval(kept) != budget.interval)) {
        let message = DeleteBudgetRequest {
            tenant_id: tenant.to_string(),
            subject: Some(subject(guardrail)),
            interval: budget.interval,
        };
        client(app).delete_budget(message).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_another_interval_makes_way_without_being_lifted() {
        let usd = |nanos| Amount::from_nanos(nanos);
        for (old, new, expected) in [
            (("daily", 20), ("monthly", 10), Some(9)),
            (("monthly", 10), ("daily", 20), Some(21)),
            (("", 10), ("daily", 10), Some(11)),
            (("daily", 10), ("monthly", 20), None),
            (("weekly", 10), ("weekly", 20), None),
            (("daily", 1), ("", 1), None),
        ] {
            let found = aside((old.0, usd(old.1)), (new.0, usd(new.1)));
            assert_eq!(found, expected.map(usd), "{old:?} {new:?}");
        }
    }
}
