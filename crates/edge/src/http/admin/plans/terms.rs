//! What a plan says, as operators write it and as it is shown.

use pricing::Amount;
use rpc::billing::PlanTerms;
use rpc::pricing::MarkupOverride;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::preview::Preview;
use crate::http::admin::bad;
use crate::http::reply::Refusal;

/// What own credentials cost where a body does not say: five percent of the list price.
const OWN_KEY_FEE: u32 = 500;
/// What of it is free each month: 25,000 USD at list price.
const OWN_KEY_ALLOWANCE: &str = "25000";

/// What a version says; what is left out is the default.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NewTerms {
    markup_basis_points: i32,
    markup_overrides: Vec<Override>,
    purchase_fee: PurchaseFee,
    own_keys: OwnKeys,
    payment: Payment,
    /// USD as a string; of postpaid plans alone.
    credit_limit: String,
    currency: Currency,
    /// Says what these requests would cost, and changes nothing.
    pub(super) preview: Option<Preview>,
}

impl Default for NewTerms {
    fn default() -> Self {
        Self {
            markup_basis_points: 0,
            markup_overrides: Vec::new(),
            purchase_fee: PurchaseFee::default(),
            own_keys: OwnKeys::default(),
            payment: Payment::Prepaid,
            credit_limit: "0".to_owned(),
            currency: Currency::Usd,
            preview: None,
        }
    }
}

#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = MarkupOverride)]
pub(super) struct Override {
    provider: String,
    model: String,
    basis_points: i32,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PurchaseFee {
    basis_points: u32,
    /// USD as a string.
    minimum: String,
}

impl Default for PurchaseFee {
    fn default() -> Self {
        Self { basis_points: 0, minimum: "0".to_owned() }
    }
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OwnKeys {
    fee_basis_points: u32,
    /// USD at list price as a string; `null` = none.
    monthly_allowance: Option<String>,
}

impl Default for OwnKeys {
    fn default() -> Self {
        Self { fee_basis_points: OWN_KEY_FEE, monthly_allowance: Some(OWN_KEY_ALLOWANCE.to_owned()) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PaymentTerms)]
pub(super) enum Payment {
    Prepaid,
    Postpaid,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
pub(super) enum Currency {
    #[serde(rename = "USD")]
    Usd,
}

impl NewTerms {
    /// As billing takes them.
    ///
    /// # Errors
    /// A [`Refusal`] that names the amount that is none.
    pub(super) fn terms(&self) -> Result<PlanTerms, Refusal> {
        // There is one, and whoever names another is told so when the body is read.
        let Currency::Usd = self.currency;
        let allowance = self.own_keys.monthly_allowance.as_deref();
        let over = |one: &Override| MarkupOverride {
            provider: one.provider.clone(),
            model: one.model.clone(),
            basis_points: one.basis_points,
        };
        Ok(PlanTerms {
            markup_basis_points: self.markup_basis_points,
            markup_overrides: self.markup_overrides.iter().map(over).collect(),
            purchase_fee_basis_points: self.purchase_fee.basis_points,
            purchase_fee_minimum: amount(&self.purchase_fee.minimum, "purchase_fee.minimum")?,
            own_key_fee_basis_points: self.own_keys.fee_basis_points,
            own_key_allowance: allowance
                .map(|text| amount(text, "own_keys.monthly_allowance"))
                .transpose()?,
            is_postpaid: self.payment == Payment::Postpaid,
            credit_limit: amount(&self.credit_limit, "credit_limit")?,
        })
    }
}

/// Nano-USD of an amount in USD.
fn amount(text: &str, name: &str) -> Result<i64, Refusal> {
    let amount: Option<Amount> = text.parse().ok();
    let amount = amount.filter(|amount| *amount >= Amount::ZERO);
    let amount = amount.ok_or_else(|| {
        bad(format!("{name}: `{text}` is no amount: write USD, not below 0, such as \"25.00\""))
    });
    Ok(amount?.nanos())
}

/// What a version says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlanTerms)]
pub(super) struct Terms {
    markup_basis_points: i32,
    markup_overrides: Vec<Override>,
    purchase_fee: PurchaseFee,
    own_keys: OwnKeys,
    payment: Payment,
    /// In USD.
    credit_limit: String,
    currency: Currency,
}

impl Terms {
    pub(super) fn of(terms: &PlanTerms) -> Self {
        let usd = |nanos: i64| Amount::from_nanos(nanos).to_string();
        let over = |one: &MarkupOverride| Override {
            provider: one.provider.clone(),
            model: one.model.clone(),
            basis_points: one.basis_points,
        };
        Self {
            markup_basis_points: terms.markup_basis_points,
            markup_overrides: terms.markup_overrides.iter().map(over).collect(),
            purchase_fee: PurchaseFee {
                basis_points: terms.purchase_fee_basis_points,
                minimum: usd(terms.purchase_fee_minimum),
            },
            own_keys: OwnKeys {
                fee_basis_points: terms.own_key_fee_basis_points,
                monthly_allowance: terms.own_key_allowance.map(usd),
            },
            payment: if terms.is_postpaid { Payment::Postpaid } else { Payment::Prepaid },
            credit_limit: usd(terms.credit_limit),
            currency: Currency::Usd,
        }
    }
}
