//! Budgets, and what requests reserve from.

use rpc::billing as wire;

use crate::Error;
use crate::app::{App, insistently};
use crate::store::budgets::{self, Budget, Filter, Place, SpendAccount, Spender};

impl App {
    /// Every account that requests of a key reserve from, the broadest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub(crate) async fn spend_accounts(&self, spender: Spender) -> Result<Vec<wire::SpendAccount>, Error> {
        let app = self.clone();
        let accounts = self
            .owned(async move { insistently(|| budgets::spend_accounts(&app.pool, &spender)).await })
            .await?;
        Ok(accounts
            .into_iter()
            .map(|account| wire::SpendAccount {
                account_id: account.account_id.to_string(),
                label: label(&account),
                kind: account.kind,
                counts_own_keys: account.counts_own_keys,
            })
            .collect())
    }

    /// Sets a budget, in nano-USD.
    ///
    /// # Errors
    /// [`Error::Refused`] unless limits fall strictly as intervals narrow; [`Error::Unknown`] tenant.
    pub(crate) async fn put_budget(
        &self,
        place: Place,
        limit: i64,
        counts_own_keys: Option<bool>,
    ) -> Result<Budget, Error> {
        let app = self.clone();
        self.owned(async move {
            let account = insistently(|| budgets::put(&app.pool, &place, limit, counts_own_keys)).await?;
            let filter = Filter {
                tenant: place.tenant,
                subject: None,
                account: Some(account),
                after: uuid::Uuid::nil(),
                limit: 1,
            };
            budgets::list(&app.pool, &filter).await?.pop().ok_or(Error::Unknown("budget"))
        })
        .await
    }

    /// Takes a budget away. Whether there was one.
    ///
    /// # Errors
    /// When it is not done.
    pub(crate) async fn delete_budget(&self, place: Place) -> Result<bool, Error> {
        let app = self.clone();
        self.owned(async move { insistently(|| budgets::delete(&app.pool, &place)).await }).await
    }
}

/// How an error names an account, such as `Workspace monthly budget of $500.00`.
fn label(account: &SpendAccount) -> String {
    let subject = match account.kind.as_str() {
        "credit" => return "Credit".to_owned(),
        "budget" => match account.subject_kind.as_deref() {
            Some("workspace") => "Workspace",
            Some("member") => "Member",
            _ => "Guardrail",
        },
        _ => return "Key limit".to_owned(),
    };
    let interval = if account.reset.is_empty() { "lifetime" } else { &account.reset };
    format!("{subject} {interval} budget of {}", dollars(account.limit.unwrap_or_default()))
}

/// `$12.50`: at least two decimals, and as many as there are.
fn dollars(nanos: i64) -> String {
    let exact = format!("{}.{:09}", nanos / 1_000_000_000, (nanos % 1_000_000_000).abs());
    let shown = exact.trim_end_matches('0');
    let decimals = shown.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    format!("${shown}{}", &"00"[decimals.min(2)..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_have_cents_and_no_more_zeros() {
        let shown = [0, 1, 500_000_000_000, 12_500_000_000, 1_230_000_000, 1_234_000_000].map(dollars);
        assert_eq!(shown, ["$0.00", "$0.000000001", "$500.00", "$12.50", "$1.23", "$1.234"]);
    }
}
