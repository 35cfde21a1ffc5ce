//! Long streams are paid for piece by piece: their whole bound would keep money from others that they rarely use.

use dialect::canonical::Operation;
use pricing::{Amount, OutOfRange};
use rpc::router::Attempt;

use super::estimate::Estimate;
use super::reservation;
use crate::execution::Request;
use crate::lease::Reservation;

/// A reservation that is extended as the answer grows.
#[derive(Debug, Clone)]
pub(crate) struct Quantum {
    /// Completion tokens that the reservation pays for.
    tokens: u64,
    /// The most that the answer can have.
    most: u64,
    /// What each extension adds.
    step: u64,
    cost: Amount,
}

impl Quantum {
    /// The quantum of a request, where it can be stopped at any token: a stream of text whose provider bills what was
    /// delivered, and which may be much longer than one quantum. `step` is in completion tokens; 0 = never.
    pub(super) fn of(
        request: &Request,
        attempts: &[Attempt],
        estimate: &Estimate,
        step: u64,
    ) -> Result<Option<Self>, OutOfRange> {
        let peek = &request.peek;
        let is_plain = peek.stream
            && request.dialect.operation() == Operation::Chat
            && peek.choices <= 1
            && peek.input_modalities.iter().all(|modality| *modality == "text");
        let can_stop =
            attempts.iter().all(|attempt| attempt.can_stop && !attempt.outputs_media && !attempt.is_byok);
        let most = estimate.longest();
        if step == 0 || !is_plain || !can_stop || most <= step.saturating_mul(2) {
            return Ok(None);
        }
        let cost = estimate.bound_of(step.saturating_mul(2))?.minus(estimate.bound_of(step)?)?;
        Ok(Some(Self { tokens: step, most, step, cost }))
    }

    /// Completion tokens that the reservation pays for.
    pub(crate) const fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Completion tokens that an extension adds.
    pub(crate) const fn step(&self) -> u64 {
        self.step
    }

    /// Whether an answer of so many completion tokens is to be extended now: three quarters are used.
    pub(crate) const fn is_low(&self, used: u64) -> bool {
        used.saturating_mul(4) >= self.tokens.saturating_mul(3) && self.tokens < self.most
    }

    /// What an extension reserves: all of it or nothing.
    pub(crate) fn extension(&self, request: &Request) -> Reservation {
        reservation(request, &request.caller, (self.cost, self.cost), Amount::ZERO)
    }

    /// An extension was reserved.
    pub(crate) const fn extended(&mut self) {
        self.tokens = self.tokens.saturating_add(self.step);
    }
}
