//! What the tenant's own credentials serve: the tenant pays the provider, and us a part of the list price, which the
//! month's allowance makes free.

use identity::GenerationId;
use pricing::{Amount, Markup};
use rpc::router::Attempt;

use super::estimate::Estimate;
use super::{Admitted, Denied};
use crate::execution::Request;
use crate::lease::{Held, Leases, NotGranted, Reservation, Slot, Wanted};
use crate::service::App;

/// Basis points of the whole list price: a markup of minus that makes everything free.
const WHOLE: i32 = 10_000;

/// A reservation from the allowance. Dropped before the request is admitted, it is given back.
pub(super) struct Allowance {
    held: Held,
    leases: Leases,
    slot: Option<Slot>,
}

impl Allowance {
    /// Puts the reservation into what was admitted: from here on its report tells what becomes of both.
    pub(super) fn add_to(mut self, admitted: &mut Admitted) {
        self.slot = None;
        admitted.held.merge(&mut self.held);
    }
}

impl Drop for Allowance {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.leases.give_back(std::mem::take(&mut self.held), slot);
        }
    }
}

/// Sets what the attempts with own credentials cost: nothing, where the allowance holds all that they may come to at
/// list price, else the fee.
///
/// # Errors
/// [`Denied::BillingAway`] when nobody can tell what is left of the allowance.
pub(super) async fn price(
    app: &App,
    request: &Request,
    attempts: &mut [Attempt],
) -> Result<Option<Allowance>, Denied> {
    if !attempts.iter().any(|attempt| attempt.is_byok) {
        return Ok(None);
    }
    let terms = &request.caller.terms.own_keys;
    let fee = i32::try_from(terms.fee_basis_points).map_or(WHOLE, |fee| fee.min(WHOLE));
    let list = list_price(request, attempts)?;
    let has_allowance = fee > 0 && list > Amount::ZERO && !terms.allowance_account_id.is_empty();
    let allowance = if has_allowance { reserve(app, request, list).await? } else { None };
    let points = if allowance.is_some() { -WHOLE } else { fee - WHOLE };
    for attempt in attempts.iter_mut().filter(|attempt| attempt.is_byok) {
        attempt.markup_basis_points = points;
    }
    Ok(allowance)
}

/// The most that the attempts with own credentials can come to at list price; nothing without any.
pub(super) fn list_price(request: &Request, attempts: &[Attempt]) -> Result<Amount, Denied> {
    let own: Vec<Attempt> = attempts
        .iter()
        .filter(|attempt| attempt.is_byok)
        .map(|attempt| Attempt { markup_basis_points: Markup::NONE.basis_points(), ..attempt.clone() })
        .collect();
    Ok(Estimate::of(request.dialect.operation(), &request.peek, &own)?.bound()?)
}

/// Reserves all of it from the allowance; `None` = there is less.
async fn reserve(app: &App, request: &Request, list: Amount) -> Result<Option<Allowance>, Denied> {
    let slot = app.leases.outbox().slot().ok_or(Denied::Backlog)?;
    let account_id = request.caller.terms.own_keys.allowance_account_id.clone();
    let wanted = Reservation {
        // Its own, so that it is no answer to the reservation for the request itself.
        generation: GenerationId::generate(),
        tenant: request.caller.tenant(),
        accounts: vec![Wanted { account_id, want: list, floor: list }],
    };
    match app.leases.reserve(&wanted).await {
        Ok(held) => Ok(Some(Allowance { held, leases: app.leases.clone(), slot: Some(slot) })),
        Err(denied) if denied.is_unknown_account() => {
            // What is cached of the key's terms is out of date.
            app.keys.forget(request.caller.hash).await;
            Err(Denied::BillingAway)
        }
        Err(NotGranted::Denied { .. }) => Ok(None),
        Err(NotGranted::Unavailable) => Err(Denied::BillingAway),
    }
}
