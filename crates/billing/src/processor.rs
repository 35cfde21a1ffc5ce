//! The payment processor: what we ask of it, and what it says of a payment.
//!
//! Nothing here touches our books. Each answer about a payment is the whole truth about it, so that it does not
//! matter which event made us ask, nor how often or in which order we did.

pub(crate) mod signature;
pub(crate) mod stripe;

use serde::Serialize;
use uuid::Uuid;

/// Nano-USD in a cent: processors count in cents.
pub(crate) const NANOS_PER_CENT: i64 = 10_000_000;

/// Why the processor did not do what it was asked for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProcessorError {
    /// The card was declined. The attempt itself may be on record there.
    #[error("declined: {message}")]
    Declined { message: String, intent: Option<String> },
    /// Asking again brings the same answer.
    #[error("the payment processor refused: {0}")]
    Refused(String),
    /// The same was asked for before, in other words: what became of that still holds.
    #[error("the payment processor was asked otherwise before: {0}")]
    Contradiction(String),
    /// It may or may not have been done: to be asked again under the same key.
    #[error("the payment processor could not be reached: {0}")]
    Unreachable(String),
}

/// A page where a payment is paid. All amounts are nano-USD in whole cents.
#[derive(Debug, Clone)]
pub(crate) struct Checkout {
    pub payment: Uuid,
    pub amount: i64,
    pub fee: i64,
    pub customer: Option<String>,
    pub saves_card: bool,
    pub return_url: String,
}

/// What became of that page.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub id: String,
    pub url: Option<String>,
    pub is_expired: bool,
    pub intent: Option<String>,
    pub customer: Option<String>,
}

/// A charge to a saved card while its owner is away.
#[derive(Debug, Clone)]
pub(crate) struct Charge {
    pub payment: Uuid,
    pub total: i64,
    pub customer: String,
    pub method: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Refund {
    pub reversal: Uuid,
    pub intent: String,
    pub amount: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Pending,
    Succeeded,
    Failed,
}

/// All that the processor knows of a payment, as `billing.apply_payment` reads it. Amounts are nano-USD.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Facts {
    pub session_id: Option<String>,
    pub intent_id: Option<String>,
    pub customer_id: Option<String>,
    pub state: Outcome,
    pub failure: Option<String>,
    pub received: i64,
    /// Only when the card may be charged again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<Card>,
    pub refunds: Vec<Reversed>,
    pub disputes: Vec<Reversed>,
    pub entries: Vec<Entry>,
}

impl Facts {
    pub(crate) const fn new(state: Outcome) -> Self {
        Self {
            session_id: None,
            intent_id: None,
            customer_id: None,
            state,
            failure: None,
            received: 0,
            card: None,
            refunds: Vec::new(),
            disputes: Vec::new(),
            entries: Vec::new(),
        }
    }

    pub(crate) fn failed(why: impl Into<String>) -> Self {
        Self { failure: Some(why.into()), ..Self::new(Outcome::Failed) }
    }
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Card {
    pub id: String,
    pub brand: String,
    pub last4: String,
}

/// A refund or a dispute.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Reversed {
    pub id: String,
    /// Ours, when we asked for it.
    pub reversal_id: Option<Uuid>,
    pub amount: i64,
    pub state: Reversal,
    pub reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Reversal {
    Pending,
    Done,
    Undone,
}

/// A line of our account at the processor: what came in (or, below zero, went out) and what it keeps of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    pub id: String,
    pub amount: i64,
    pub fee: i64,
}

/// What a payment processor does for us. Whatever creates something is told under which id it is ours: asking
/// again with the same creates nothing more.
#[tonic::async_trait]
pub(crate) trait Processor: Send + Sync {
    async fn open_checkout(&self, checkout: &Checkout) -> Result<Session, ProcessorError>;

    async fn session(&self, id: &str) -> Result<Session, ProcessorError>;

    /// The id of the charge there.
    async fn charge(&self, charge: &Charge) -> Result<String, ProcessorError>;

    /// The id of the refund there.
    async fn refund(&self, refund: &Refund) -> Result<String, ProcessorError>;

    /// All about the payment whose id there is `intent`, which must be ours under `payment`.
    async fn payment(&self, payment: Uuid, intent: &str) -> Result<Facts, ProcessorError>;
}
