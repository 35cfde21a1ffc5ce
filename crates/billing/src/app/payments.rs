//! Payments: opened here, paid elsewhere, and brought into the books by asking the processor what became of them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use identity::TenantId;
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use crate::Error;
use crate::app::{App, insistently};
use crate::processor::signature::{self, Forged};
use crate::processor::{Charge, Checkout, Facts, NANOS_PER_CENT, Outcome, Processor, ProcessorError, Refund};
use crate::store::payments::{self, AutoTopUp, Payment, Reversal, Settings};

/// A charge that did not come about in this time never will: the processor forgets its key after a day.
const CHARGE_WITHIN: Duration = Duration::from_secs(20 * 3_600);
/// A page that was not opened in this time was never shown to anybody.
const PAGE_WITHIN: Duration = Duration::from_secs(3_600);

/// A purchase of credit.
#[derive(Debug, Clone)]
pub(crate) struct Purchase {
    pub tenant: TenantId,
    pub amount: i64,
    pub source: String,
    pub saves_card: bool,
    pub return_url: String,
}

/// A refund that somebody wants.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub payment: Uuid,
    /// Whose it must be; `None` when an operator wants it, whom no time bounds.
    pub tenant: Option<TenantId>,
    pub amount: Option<i64>,
    pub source: String,
    pub reason: String,
    pub actor: String,
}

/// The part of an event that says which payment it is about. Everything else is asked for.
#[derive(serde::Deserialize)]
struct Event {
    data: EventData,
}

#[derive(serde::Deserialize)]
struct EventData {
    object: EventObject,
}

#[derive(serde::Deserialize)]
struct EventObject {
    #[serde(default)]
    id: String,
    #[serde(default)]
    object: String,
    #[serde(default)]
    metadata: Option<std::collections::HashMap<String, String>>,
    #[serde(default)]
    payment_intent: Option<serde_json::Value>,
}

impl EventObject {
    fn payment(&self) -> Option<Uuid> {
        self.metadata.as_ref()?.get("payment_id")?.parse().ok()
    }

    fn session(&self) -> Option<&str> {
        Some(self.id.as_str()).filter(|_| self.object == "checkout.session")
    }

    fn intent(&self) -> Option<&str> {
        let named = self.payment_intent.as_ref().and_then(|intent| intent.as_str().or(intent["id"].as_str()));
        named.or(Some(self.id.as_str()).filter(|_| self.object == "payment_intent"))
    }
}

impl App {
    /// # Errors
    /// [`Error::NotConfigured`].
    pub(crate) fn processor(&self) -> Result<&dyn Processor, Error> {
        self.processor.as_deref().ok_or(Error::NotConfigured)
    }

    /// Opens a payment and its page; the same ones for the same source.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the source was used for another payment.
    pub(crate) async fn open_checkout(&self, purchase: Purchase) -> Result<Payment, Error> {
        let processor = self.processor()?;
        self.check_amount(purchase.amount)?;
        let Purchase { tenant, amount, source, saves_card, return_url } = purchase;
        let id = Uuid::now_v7();
        let open = || payments::open(&self.pool, id, tenant, &source, amount, saves_card);
        let payment = insistently(open).await?;
        if payment.url.is_some() || payment.state != "pending" {
            return Ok(payment);
        }
        let checkout = Checkout {
            payment: payment.payment_id,
            amount: payment.amount,
            fee: payment.fee,
            customer: payment.customer_id,
            saves_card: payment.saves_card,
            return_url: if return_url.is_empty() {
                self.config.payments.return_url.clone()
            } else {
                return_url
            },
        };
        let session = processor.open_checkout(&checkout).await?;
        payments::put_session(&self.pool, payment.payment_id, &session.id, session.url.as_deref()).await
    }

    /// Takes the amount out of credit, then asks the processor to pay it back.
    ///
    /// # Errors
    /// [`Error::Conflict`] when there is nothing to refund or too little.
    pub(crate) async fn refund(&self, wanted: Wanted) -> Result<Payment, Error> {
        self.processor()?;
        if wanted.amount.is_some_and(|amount| amount % NANOS_PER_CENT != 0) {
            return Err(Error::Refused("Amounts must be whole cents.".to_owned()));
        }
        let id = Uuid::now_v7();
        let hours = wanted.tenant.map(|_| self.config.payments.refund_within_hours);
        insistently(|| payments::open_refund(&self.pool, id, &wanted, hours)).await?;
        // It is taken; whatever the processor says now is found out again later.
        match self.look(wanted.payment).await {
            Err(Error::Processor(error @ ProcessorError::Unreachable(_))) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a refund waits for the processor");
                payments::get(&self.pool, wanted.payment).await?.ok_or(Error::Unknown("payment"))
            }
            outcome => outcome,
        }
    }

    /// Reads an event and asks about its payment. Events about anything else are none of ours.
    ///
    /// # Errors
    /// [`Error::Forged`]; what [`App::look`] answers.
    pub(crate) async fn receive(&self, body: &[u8], header: &str, now: DateTime<Utc>) -> Result<(), Error> {
        self.processor()?;
        let config = &self.config.payments;
        // Whatever is signed with nothing is signed by anybody.
        if config.stripe_webhook_secret.expose_secret().is_empty() {
            return Err(Error::NotConfigured);
        }
        let tolerance = config.webhook_tolerance_seconds;
        signature::verify(&config.stripe_webhook_secret, header, body, now.timestamp(), tolerance)?;
        let event: Event = serde_json::from_slice(body).map_err(|_| Error::Forged(Forged::Malformed))?;
        let object = event.data.object;
        let (id, session, intent) = (object.payment(), object.session(), object.intent());
        let Some(payment) = payments::find(&self.pool, id, session, intent).await? else { return Ok(()) };
        if payment.session_id.is_none()
            && let Some(session) = session
        {
            payments::put_session(&self.pool, payment.payment_id, session, None).await?;
        }
        self.look_at(payment, intent.map(str::to_owned)).await.map(|_| ())
    }

    /// Starts what was not started, asks the processor about a payment, and brings our books to what it says.
    ///
    /// # Errors
    /// [`Error::Processor`] when the processor cannot say.
    pub(crate) async fn look(&self, payment: Uuid) -> Result<Payment, Error> {
        let payment = payments::get(&self.pool, payment).await?.ok_or(Error::Unknown("payment"))?;
        self.look_at(payment, None).await
    }

    async fn look_at(&self, payment: Payment, hint: Option<String>) -> Result<Payment, Error> {
        let processor = self.processor()?;
        let (id, session_id) = (payment.payment_id, payment.session_id.clone());
        let mut customer = None;
        let intent = match payment.intent_id.clone().or(hint) {
            Some(intent) => intent,
            None if payment.state != "pending" => return Ok(payment),
            None if payment.kind == "auto_top_up" => match self.charge(&payment).await? {
                Ok(intent) => intent,
                Err(facts) => return self.apply(id, facts).await,
            },
            None => {
                let Some(session_id) = session_id.as_deref() else {
                    let is_lost = payment.age() > PAGE_WITHIN;
                    let facts = Facts::failed("its page was never opened");
                    return if is_lost { self.apply(id, facts).await } else { Ok(payment) };
                };
                let session = processor.session(session_id).await?;
                customer = session.customer;
                match session.intent {
                    Some(intent) => intent,
                    None if session.is_expired => {
                        return self.apply(id, Facts::failed("not paid in time")).await;
                    }
                    None => return Ok(payment),
                }
            }
        };
        self.ask_for_refunds(id, &intent).await?;
        let mut facts = processor.payment(id, &intent).await?;
        // Its page may still be tried again, a saved card is not.
        if payment.kind == "auto_top_up" && facts.state == Outcome::Pending && facts.failure.is_some() {
            facts.state = Outcome::Failed;
        }
        facts.session_id = session_id;
        facts.customer_id = facts.customer_id.or(customer);
        self.apply(id, facts).await
    }

    /// Charges the saved card; the answer's error is what is known once it was declined.
    async fn charge(&self, payment: &Payment) -> Result<Result<String, Facts>, Error> {
        let (Some(customer), Some(method)) = (&payment.customer_id, &payment.payment_method_id) else {
            return Ok(Err(Facts::failed("no card is saved")));
        };
        if payment.age() > CHARGE_WITHIN {
            return Ok(Err(Facts::failed("the processor could not be reached in time")));
        }
        let charge = Charge {
            payment: payment.payment_id,
            total: payment.amount.checked_add(payment.fee).ok_or(pricing::OutOfRange)?,
            customer: customer.clone(),
            method: method.clone(),
        };
        match self.processor()?.charge(&charge).await {
            Ok(intent) => Ok(Ok(intent)),
            Err(ProcessorError::Declined { message, intent }) => {
                Ok(Err(Facts { intent_id: intent, ..Facts::failed(message) }))
            }
            Err(ProcessorError::Refused(message)) => Ok(Err(Facts::failed(message))),
            Err(error @ (ProcessorError::Unreachable(_) | ProcessorError::Contradiction(_))) => {
                Err(error.into())
            }
        }
    }

    async fn ask_for_refunds(&self, payment: Uuid, intent: &str) -> Result<(), Error> {
        for Reversal { reversal_id, amount, .. } in payments::unasked_refunds(&self.pool, payment).await? {
            let refund = Refund { reversal: reversal_id, intent: intent.to_owned(), amount };
            match self.processor()?.refund(&refund).await {
                Ok(_) => {}
                Err(error @ (ProcessorError::Unreachable(_) | ProcessorError::Contradiction(_))) => {
                    return Err(error.into());
                }
                Err(error) => {
                    tracing::warn!(
                        reversal.id = %reversal_id,
                        error = &error as &dyn std::error::Error,
                        "the processor refused a refund"
                    );
                    insistently(|| payments::refuse_refund(&self.pool, reversal_id)).await?;
                }
            }
        }
        Ok(())
    }

    async fn apply(&self, payment: Uuid, facts: Facts) -> Result<Payment, Error> {
        let applied = insistently(|| payments::apply(&self.pool, payment, &facts)).await?;
        if applied.kind == "auto_top_up" && applied.state == "failed" {
            tracing::warn!(
                tenant.id = %applied.tenant_id,
                payment.id = %applied.payment_id,
                failure = applied.failure,
                "an automatic purchase failed"
            );
        }
        self.metrics.paid(&applied.state);
        Ok(applied)
    }

    /// # Errors
    /// [`Error::Conflict`] when no card is saved, [`Error::Refused`] when an amount is out of bounds.
    pub(crate) async fn put_auto_top_up(&self, tenant: TenantId, wish: Settings) -> Result<AutoTopUp, Error> {
        self.processor()?;
        if wish.enabled {
            self.check_amount(wish.amount)?;
            if wish.threshold < 1 || wish.threshold > wish.amount.saturating_mul(100) {
                return Err(Error::Refused(
                    "The threshold must be above 0 and at most 100 times the amount.".to_owned(),
                ));
            }
        }
        insistently(|| payments::put_auto_top_up(&self.pool, tenant, wish)).await
    }

    fn check_amount(&self, amount: i64) -> Result<(), Error> {
        let config = &self.config.payments;
        let (least, most) = (i64::from(config.minimum_usd), i64::from(config.maximum_usd));
        let bounds = least.saturating_mul(1_000_000_000)..=most.saturating_mul(1_000_000_000);
        if amount % NANOS_PER_CENT == 0 && bounds.contains(&amount) {
            return Ok(());
        }
        Err(Error::Refused(format!("Amounts must be whole cents, from {least} to {most} USD.")))
    }
}
