//! Plans: what may be said in one, and in which form it is kept.

use std::cmp::Reverse;

use identity::TenantId;
use rpc::billing::{OwnKeyTerms, PlanTerms};
use rpc::convert::Malformed;
use rpc::pricing::MarkupOverride;

use crate::Error;
use crate::app::{App, insistently};
use crate::store::plans::{self, Override, Payment, Put, Terms};

/// The dearest markup: eleven times the provider's price.
const MARKUP_MAX: i32 = 100_000;
/// All of it.
const WHOLE: u32 = 10_000;
/// The largest minimum of a purchase fee: a thousand dollars.
const FEE_MIN_MAX: i64 = 1_000_000_000_000;
/// The largest allowance and credit limit: a billion dollars.
const LINE_MAX: i64 = 1_000_000_000_000_000_000;
/// Overrides of one version at most: all of them travel with every request.
const OVERRIDES_MAX: usize = 256;
const NAME_MAX: usize = 64;
const SLUG_MAX: usize = 256;

impl App {
    /// Makes a plan or a new version of it.
    ///
    /// # Errors
    /// [`Error::Malformed`] naming the field that means nothing.
    pub(crate) async fn put_plan(
        &self,
        name: String,
        terms: &PlanTerms,
        actor: String,
        dry_run: bool,
    ) -> Result<Put, Error> {
        let is_name = |name: &str| {
            let known =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
            (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(known)
        };
        if !is_name(&name) {
            return Err(Malformed("name").into());
        }
        let (terms, pool) = (read(terms)?, self.pool.clone());
        self.owned(async move { insistently(|| plans::put(&pool, &name, &terms, &actor, dry_run)).await })
            .await
    }

    /// Puts a tenant on a plan: the one it was on, and whether that is the same.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a plan or a tenant that there is not.
    pub(crate) async fn move_tenant(
        &self,
        tenant: TenantId,
        plan: String,
        actor: String,
    ) -> Result<(String, bool), Error> {
        let pool = self.pool.clone();
        let moved =
            self.owned(async move { insistently(|| plans::move_tenant(&pool, tenant, &plan, &actor)).await });
        moved.await?.ok_or(Error::Unknown("plan"))
    }
}

/// Terms as they are kept.
///
/// # Errors
/// [`Malformed`] naming the field that is out of its range.
fn read(sent: &PlanTerms) -> Result<Terms, Malformed> {
    let within = |is_in: bool, field| if is_in { Ok(()) } else { Err(Malformed(field)) };
    within((0..=MARKUP_MAX).contains(&sent.markup_basis_points), "terms.markup_basis_points")?;
    within(sent.purchase_fee_basis_points <= WHOLE, "terms.purchase_fee_basis_points")?;
    within((0..=FEE_MIN_MAX).contains(&sent.purchase_fee_minimum), "terms.purchase_fee_minimum")?;
    within(sent.own_key_fee_basis_points <= WHOLE, "terms.own_key_fee_basis_points")?;
    let allowance = sent.own_key_allowance.unwrap_or(0);
    within((0..=LINE_MAX).contains(&allowance), "terms.own_key_allowance")?;
    within((0..=LINE_MAX).contains(&sent.credit_limit), "terms.credit_limit")?;
    within(sent.is_postpaid || sent.credit_limit == 0, "terms.credit_limit")?;
    let points = |points: u32| i32::try_from(points).unwrap_or(i32::MAX);
    Ok(Terms {
        markup_bps: sent.markup_basis_points,
        overrides: overrides(&sent.markup_overrides)?,
        purchase_fee_bps: points(sent.purchase_fee_basis_points),
        purchase_fee_min: sent.purchase_fee_minimum,
        own_key_fee_bps: points(sent.own_key_fee_basis_points),
        own_key_allowance: sent.own_key_allowance,
        payment: if sent.is_postpaid { Payment::Postpaid } else { Payment::Prepaid },
        credit_limit: sent.credit_limit,
    })
}

fn overrides(sent: &[MarkupOverride]) -> Result<Vec<Override>, Malformed> {
    let is_slug = |slug: &str| {
        let known = |byte: u8| byte.is_ascii_graphic() && byte != b':';
        slug.len() <= SLUG_MAX && slug.bytes().all(known)
    };
    let mut read = Vec::with_capacity(sent.len());
    for one in sent {
        let names_something = !(one.provider.is_empty() && one.model.is_empty());
        if !names_something || !is_slug(&one.provider) || !is_slug(&one.model) {
            return Err(Malformed(
                "terms.markup_overrides: a provider's slug, a model's without variant, or both",
            ));
        }
        if !(0..=MARKUP_MAX).contains(&one.basis_points) {
            return Err(Malformed("terms.markup_overrides.basis_points"));
        }
        let (provider, model) = (one.provider.clone(), one.model.clone());
        read.push(Override { provider, model, markup_bps: one.basis_points });
    }
    let name = |one: &Override| (one.model.clone(), one.provider.clone());
    // The most specific first, as `billing.plan_terms` has them.
    read.sort_by_key(|one| {
        let (has_provider, has_model) = (!one.provider.is_empty(), !one.model.is_empty());
        (Reverse(has_provider && has_model), Reverse(has_model), name(one))
    });
    let count = read.len();
    read.dedup_by_key(|one| name(one));
    if read.len() < count || count > OVERRIDES_MAX {
        return Err(Malformed("terms.markup_overrides: at most 256, each of something else"));
    }
    Ok(read)
}

impl Terms {
    /// As callers read them.
    pub(crate) fn told(&self) -> PlanTerms {
        let points = |points: i32| u32::try_from(points).unwrap_or(0);
        PlanTerms {
            markup_basis_points: self.markup_bps,
            markup_overrides: self.markup_overrides(),
            purchase_fee_basis_points: points(self.purchase_fee_bps),
            purchase_fee_minimum: self.purchase_fee_min,
            own_key_fee_basis_points: points(self.own_key_fee_bps),
            own_key_allowance: self.own_key_allowance,
            is_postpaid: self.payment == Payment::Postpaid,
            credit_limit: self.credit_limit,
        }
    }

    pub(crate) fn markup_overrides(&self) -> Vec<MarkupOverride> {
        let told = |one: &Override| MarkupOverride {
            provider: one.provider.clone(),
            model: one.model.clone(),
            basis_points: one.markup_bps,
        };
        self.overrides.iter().map(told).collect()
    }

    /// What own credentials cost. `allowance` is the account of the month's allowance.
    pub(crate) fn own_keys(&self, allowance: Option<uuid::Uuid>) -> OwnKeyTerms {
        OwnKeyTerms {
            fee_basis_points: u32::try_from(self.own_key_fee_bps).unwrap_or(0),
            allowance_account_id: allowance.map(|id| id.to_string()).unwrap_or_default(),
        }
    }
}
