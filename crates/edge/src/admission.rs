//! Everything before execution: what a request may cost, where it may run, and the money reserved for it.

mod classify;
mod estimate;
mod explain;
mod head;
mod own_keys;
mod plan;
mod plugins;
mod preferences;
mod quantum;
mod sticky;

use dialect::error::ErrorType;
use pricing::{Amount, OutOfRange};
use rpc::Fault;
use rpc::billing::SpendAccount;
use rpc::convert::Malformed;
use rpc::router::{Attempt, PlanResponse};

use crate::auth::Context;
use crate::execution::Request;
use crate::http::reply::{Refusal, UserFacing};
use crate::lease::{Held, NotGranted, Reservation, Slot, Wanted};
use crate::limits::{Exceeded, Pass};
use crate::service::App;
use estimate::Estimate;

pub(crate) use explain::{blocked, refused};
pub(crate) use head::Head;
pub(crate) use plan::{Question, explain};
pub(crate) use plugins::{DefaultPlugins, RouterPlugins, check_defaults, plugins, wrong_defaults};
pub(crate) use preferences::preferences;
pub(crate) use quantum::Quantum;
pub(crate) use sticky::{Sticks, StickyKey, stick};

/// A request that may be executed.
pub(crate) struct Admitted {
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) route: Route,
    /// Nothing when every attempt is free.
    pub(crate) held: Held,
    /// From every account.
    pub(crate) reserved: Amount,
    /// The most completion tokens that the reservation pays for, where the request does not say fewer.
    pub(crate) max_tokens: Option<u64>,
    /// Where the reservation is extended as the answer grows; else it pays for the whole answer.
    pub(crate) quantum: Option<Quantum>,
    pub(crate) slot: Slot,
    /// What it took of the limits on its key and organisation.
    pub(crate) pass: Pass,
}

impl Admitted {
    /// The answer may grow by what was added.
    pub(crate) fn extend(&mut self, mut added: Held) {
        self.reserved = Amount::from_nanos(self.reserved.nanos().saturating_add(added.amount().nanos()));
        self.held.merge(&mut added);
        if let Some(quantum) = &mut self.quantum {
            quantum.extended();
        }
    }
}

/// How a plan came about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Route {
    /// The name of the request's list that the first attempt answers.
    pub(crate) name: String,
    /// How the model came about: `direct`, `alias`, `auto`, ...
    pub(crate) strategy: String,
    /// How the order of the attempts came about: `default`, `price`, `order`, ...
    pub(crate) order: String,
    /// For `Start.metadata_json`; empty = the client did not ask for it.
    pub(crate) metadata_json: String,
}

impl Route {
    fn of(request: &Request, plan: &mut PlanResponse) -> Self {
        Self {
            metadata_json: explain::planned(request, plan),
            name: std::mem::take(&mut plan.name),
            strategy: std::mem::take(&mut plan.strategy),
            order: std::mem::take(&mut plan.order),
        }
    }
}

/// Why a request is not executed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Denied {
    #[error("too many generations wait for billing")]
    Backlog,
    #[error(transparent)]
    Limited(#[from] Exceeded),
    #[error("the router found no plan: {}", .0.message)]
    NoPlan(Fault),
    #[error("the router's plan cannot be used")]
    BadPlan(#[from] Malformed),
    #[error("a price in the plan is out of range")]
    OutOfRange(#[from] OutOfRange),
    #[error("the account is short")]
    Short { available: Amount, wanted: Amount },
    #[error("the key's limit is reached")]
    KeyLimit { available: Amount, wanted: Amount },
    #[error("a budget is used up: {label}")]
    Budget { label: String },
    #[error("the key has no account to pay from")]
    NoAccount,
    #[error("billing cannot be asked")]
    BillingAway,
    #[error("the client left")]
    ClientGone,
}

impl Denied {
    /// The word that counts it.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Backlog => "backlog",
            Self::Limited(_) => "rate_limit",
            Self::NoPlan(_) => "no_plan",
            Self::BadPlan(_) | Self::OutOfRange(_) => "bad_plan",
            Self::Short { .. } => "credit",
            Self::KeyLimit { .. } => "key_limit",
            Self::Budget { .. } => "budget",
            Self::NoAccount => "no_account",
            Self::BillingAway => "billing_away",
            Self::ClientGone => "client_gone",
        }
    }
}

impl UserFacing for Denied {
    fn refusal(self) -> Refusal {
        match self {
            Self::Backlog | Self::BillingAway | Self::ClientGone => Refusal::unavailable(),
            Self::Limited(exceeded) => exceeded.refusal(),
            Self::NoPlan(fault) => fault.refusal(),
            Self::BadPlan(_) | Self::OutOfRange(_) => Fault::internal().refusal(),
            Self::Short { available, wanted } => Refusal::new(
                ErrorType::PaymentRequired,
                format!(
                    "This request requires more credits, or fewer max_tokens. It may cost up to ${wanted}, and \
                     ${available} is available. Add credits or lower max_tokens."
                ),
            ),
            Self::KeyLimit { available, wanted } => Refusal::new(
                ErrorType::PaymentRequired,
                format!(
                    "Key limit exceeded. This request may cost up to ${wanted}, and ${available} of the key's \
                     limit is available. Raise the limit or lower max_tokens."
                ),
            ),
            Self::Budget { label } => Refusal::new(
                ErrorType::PermissionDenied,
                format!("{label} exceeded. Contact your org admin."),
            ),
            Self::NoAccount => Refusal::new(
                ErrorType::PaymentRequired,
                "Insufficient credits. This account has never had any: add credits and try again.",
            ),
        }
    }
}

/// Admits a request: limits, plan, bound, reservation, in this order. `is_gone` tells whether anybody still
/// waits for the answer.
///
/// # Errors
/// [`Denied`]; nothing is reserved and nothing is owed.
pub(crate) async fn admit(
    app: &App,
    request: &Request,
    is_gone: impl Fn() -> bool + Send,
) -> Result<Admitted, Denied> {
    let context = &request.caller;
    let slot = app.leases.outbox().slot().ok_or(Denied::Backlog)?;
    let tokens = estimate::expected_tokens(request.dialect.operation(), &request.peek);
    let pass = app.limits.admit(context, tokens).await?;
    match admit_passed(app, request, slot, is_gone).await {
        Ok(mut admitted) => {
            admitted.pass = pass;
            Ok(admitted)
        }
        Err(denied) => {
            pass.end(Some(0)).await;
            Err(denied)
        }
    }
}

/// The part of [`admit`] that follows once the limits allow it.
async fn admit_passed(
    app: &App,
    request: &Request,
    slot: Slot,
    is_gone: impl Fn() -> bool + Send,
) -> Result<Admitted, Denied> {
    let mut plan = plan::plan(app, request).await?;
    let route = Route::of(request, &mut plan);
    let mut attempts = plan.attempts;
    tracing::debug!(strategy = route.strategy, order = route.order, attempts = attempts.len(), "a plan came");
    let allowance = own_keys::price(app, request, &mut attempts).await?;
    let mut admitted = admit_planned(app, request, (attempts, route), slot, is_gone).await?;
    if let Some(allowance) = allowance {
        allowance.add_to(&mut admitted);
    }
    Ok(admitted)
}

/// The part of [`admit`] that follows once it is known what each attempt costs.
async fn admit_planned(
    app: &App,
    request: &Request,
    (attempts, route): (Vec<Attempt>, Route),
    slot: Slot,
    is_gone: impl Fn() -> bool + Send,
) -> Result<Admitted, Denied> {
    let context = &request.caller;
    let estimate = Estimate::of(request.dialect.operation(), &request.peek, &attempts)?;
    if estimate.is_free() && is_rationed(&attempts) {
        for rule in app.limits.of_free_models(context.tenant(), context.terms.bought) {
            app.limits.spend(&rule).await?;
        }
    }
    // Also a request that uses nothing of what is priced needs no lease.
    if estimate.bound()? == Amount::ZERO {
        let max_tokens = estimate.needed_clamp();
        return Ok(Admitted {
            attempts,
            route,
            held: Held::default(),
            reserved: Amount::ZERO,
            max_tokens,
            quantum: None,
            slot,
            pass: Pass::default(),
        });
    }
    if is_gone() {
        return Err(Denied::ClientGone);
    }
    reserve(app, request, (attempts, route), &estimate, slot).await
}

/// Free variants are rationed. What else costs nothing, such as a server of the operator's own, is not.
fn is_rationed(attempts: &[Attempt]) -> bool {
    attempts.first().is_some_and(|attempt| attempt.model.ends_with(":free"))
}

/// Reserves the request's bound, or what there is of it above the floor.
async fn reserve(
    app: &App,
    request: &Request,
    (attempts, route): (Vec<Attempt>, Route),
    estimate: &Estimate,
    slot: Slot,
) -> Result<Admitted, Denied> {
    let quantum = Quantum::of(request, &attempts, estimate, app.config.leases.quantum_tokens)?;
    let wanted = match &quantum {
        Some(quantum) => estimate.bound_of(quantum.tokens())?,
        None => estimate.bound()?,
    };
    let floor = estimate.floor()?;
    let own = own_keys::list_price(request, &attempts)?;
    let mut context = std::sync::Arc::clone(&request.caller);
    let mut is_second_try = false;
    loop {
        let reservation = reservation(request, &context, (wanted, floor), own);
        match app.leases.reserve(&reservation).await {
            Ok(held) => {
                let reserved = held.amount();
                let max_tokens =
                    if reserved < wanted { estimate.affordable(reserved)? } else { estimate.needed_clamp() };
                // What is short of a quantum is all there is: the answer is clamped to it.
                let quantum = quantum.filter(|_| reserved >= wanted);
                let pass = Pass::default();
                return Ok(Admitted { attempts, route, held, reserved, max_tokens, quantum, slot, pass });
            }
            Err(denied) if denied.is_unknown_account() && !is_second_try => {
                // What is cached of the key's accounts is out of date.
                is_second_try = true;
                app.keys.forget(context.hash).await;
                context = match app.keys.get(context.hash).await {
                    Ok(Some(fresh)) => fresh,
                    Ok(None) | Err(_) => return Err(Denied::BillingAway),
                };
            }
            Err(NotGranted::Denied { reason, available, account_id }) => {
                return Err(match reason.as_str() {
                    "key_limit" => Denied::KeyLimit { available, wanted },
                    "budget" => Denied::Budget { label: label(&context.terms.accounts, &account_id) },
                    "unknown_account" => Denied::NoAccount,
                    _ => Denied::Short { available, wanted },
                });
            }
            Err(NotGranted::Unavailable) => return Err(Denied::BillingAway),
        }
    }
}

/// How an error names a budget.
fn label(accounts: &[SpendAccount], account_id: &str) -> String {
    let account = accounts.iter().find(|account| account.account_id == account_id);
    let label = account.map(|account| account.label.clone()).filter(|label| !label.is_empty());
    label.unwrap_or_else(|| "Budget".to_owned())
}

/// `own` is what the tenant may pay providers itself, which counts against some accounts: there all is reserved or
/// nothing.
fn reservation(
    request: &Request,
    context: &Context,
    (want, floor): (Amount, Amount),
    own: Amount,
) -> Reservation {
    let wanted = |account: &SpendAccount| {
        let account_id = account.account_id.clone();
        if account.counts_own_keys && own > Amount::ZERO {
            let all = Amount::from_nanos(want.nanos().saturating_add(own.nanos()));
            return Wanted { account_id, want: all, floor: all };
        }
        Wanted { account_id, want, floor }
    };
    Reservation {
        generation: request.generation,
        tenant: context.tenant(),
        accounts: context.terms.accounts.iter().map(wanted).collect(),
    }
}
