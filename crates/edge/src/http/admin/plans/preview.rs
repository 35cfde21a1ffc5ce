//! What requests would cost before and after a change of terms.

use dialect::client::Dialect;
use pricing::{Amount, Class, Markup, PriceBook, Usage, charge};
use rpc::Markups;
use rpc::billing::PlanTerms;
use rpc::convert::{self, book_in};
use rpc::router::{PlanRequest, Profile, ProviderPreferences};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::super::catalogue::router;
use crate::http::reply::{Refusal, UserFacing as _};
use crate::service::App;

/// A request that nobody makes.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Preview {
    model: String,
    /// Slug; absent = every provider of the model.
    provider: Option<String>,
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
}

impl Preview {
    /// What the request costs at each endpoint that would serve it, in USD as strings: at list price, and with
    /// either side's terms, by the platform's credential and above the allowance by the tenant's own. `before` is
    /// absent where there was no plan.
    ///
    /// # Errors
    /// What the router says against the model.
    pub(super) async fn costs(
        &self,
        app: &App,
        before: Option<&PlanTerms>,
        after: &PlanTerms,
    ) -> Result<Value, Refusal> {
        let wishes =
            ProviderPreferences { only: self.provider.iter().cloned().collect(), ..Default::default() };
        let message = PlanRequest {
            models: vec![self.model.clone()],
            provider: Some(wishes),
            profile: Some(Profile {
                operation: Dialect::Chat.operation().as_str().to_owned(),
                ..Profile::default()
            }),
            markup_basis_points: after.markup_basis_points,
            markup_overrides: after.markup_overrides.clone(),
            dry_run: true,
            ..PlanRequest::default()
        };
        let plan = router(app).plan(message).await?.into_inner();
        let usage =
            Usage::default().with(Class::Input, self.input_tokens).with(Class::Output, self.output_tokens);
        let rows = plan.attempts.iter().map(|attempt| {
            let book = attempt.price.as_ref().map(book_in).transpose()?.unwrap_or_default();
            let side = |terms: &PlanTerms| {
                let markups = Markups::new(terms.markup_basis_points, &terms.markup_overrides);
                side(terms, markups.at(&attempt.provider, &attempt.model), &book, &usage)
            };
            Ok(json!({
                "model": attempt.model,
                "provider": attempt.provider,
                "tag": attempt.tag,
                "list_price": usd(&book, Markup::NONE, &usage),
                "before": before.map(side),
                "after": side(after),
            }))
        });
        let rows: Result<Vec<Value>, convert::Malformed> = rows.collect();
        Ok(rows.map_err(|_| rpc::Fault::internal().refusal())?.into())
    }
}

fn side(terms: &PlanTerms, markup: Markup, book: &PriceBook, usage: &Usage) -> Value {
    let fee = i32::try_from(terms.own_key_fee_basis_points).unwrap_or(i32::MAX).saturating_sub(10_000);
    json!({
        "markup_basis_points": markup.basis_points(),
        "cost": usd(book, markup, usage),
        "own_key_fee": usd(book, convert::markup(fee), usage),
    })
}

/// `None` for what no ledger could hold.
fn usd(book: &PriceBook, markup: Markup, usage: &Usage) -> Option<String> {
    charge(book, markup, usage).ok().map(|amount: Amount| amount.to_string())
}
