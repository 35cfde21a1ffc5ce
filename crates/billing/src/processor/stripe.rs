//! Stripe, through its client crate. The same client speaks to the simulator's stand-in.

use std::collections::HashMap;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use stripe::{
    ApiErrorsType, Client, ClientBuilder, IdempotencyKey, RequestStrategy, StripeError, StripeRequest,
};
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionAutomaticTax, CreateCheckoutSessionCustomerCreation,
    CreateCheckoutSessionLineItems, CreateCheckoutSessionLineItemsPriceData,
    CreateCheckoutSessionPaymentIntentData, CreateCheckoutSessionPaymentIntentDataSetupFutureUsage,
    ProductData, RetrieveCheckoutSession,
};
use stripe_checkout::{CheckoutSession, CheckoutSessionMode, CheckoutSessionStatus};
use stripe_core::dispute::ListDispute;
use stripe_core::payment_intent::{
    CreatePaymentIntent, CreatePaymentIntentOffSession, RetrievePaymentIntent,
};
use stripe_core::refund::{CreateRefund, ListRefund};
use stripe_core::{
    BalanceTransaction, Dispute, DisputeStatus, PaymentIntent, PaymentIntentSetupFutureUsage,
    PaymentIntentStatus,
};
use stripe_types::{Currency, Expandable};
use uuid::Uuid;

use super::{
    Card, Charge, Checkout, Entry, Facts, NANOS_PER_CENT, Outcome, Processor, ProcessorError, Refund,
    Reversal, Reversed, Session,
};

/// What our things there are marked with: one mark each, because several would be written in any order, and a
/// request that is sent again must be the same to the byte.
const PAYMENT: &str = "payment_id";
const REVERSAL: &str = "reversal_id";
/// More refunds or disputes than this of one payment are not read.
const PAGE: i64 = 100;

pub(crate) struct Stripe {
    client: Client,
    automatic_tax: bool,
}

impl Stripe {
    /// # Errors
    /// [`ProcessorError::Refused`] when the key or the URL cannot be used.
    pub(crate) fn new(
        key: &SecretString,
        url: &str,
        timeout: Duration,
        automatic_tax: bool,
    ) -> Result<Self, ProcessorError> {
        let url = format!("{}/", url.trim_end_matches('/'));
        let client = ClientBuilder::new(key.expose_secret()).url(url).timeout(timeout).build()?;
        Ok(Self { client, automatic_tax })
    }

    async fn refunds(&self, intent: &str) -> Result<Vec<stripe_core::Refund>, ProcessorError> {
        let expanded = ["data.balance_transaction", "data.failure_balance_transaction"].map(str::to_owned);
        let list = ListRefund::new().payment_intent(intent).limit(PAGE).expand(expanded);
        Ok(list.send(&self.client).await?.data)
    }

    async fn disputes(&self, intent: &str) -> Result<Vec<Dispute>, ProcessorError> {
        Ok(ListDispute::new().payment_intent(intent).limit(PAGE).send(&self.client).await?.data)
    }
}

#[tonic::async_trait]
impl Processor for Stripe {
    async fn open_checkout(&self, checkout: &Checkout) -> Result<Session, ProcessorError> {
        let mark = mark(PAYMENT, checkout.payment);
        let usage = CreateCheckoutSessionPaymentIntentDataSetupFutureUsage::OffSession;
        let intent = CreateCheckoutSessionPaymentIntentData {
            metadata: Some(mark.clone()),
            setup_future_usage: checkout.saves_card.then_some(usage),
            ..CreateCheckoutSessionPaymentIntentData::new()
        };
        let mut items = vec![line("Credit", checkout.amount)?];
        if checkout.fee > 0 {
            items.push(line("Fee", checkout.fee)?);
        }
        let mut request = CreateCheckoutSession::new()
            .mode(CheckoutSessionMode::Payment)
            .line_items(items)
            .client_reference_id(checkout.payment.to_string())
            .metadata(mark)
            .payment_intent_data(intent)
            .success_url(&checkout.return_url)
            .cancel_url(&checkout.return_url);
        if self.automatic_tax {
            request = request.automatic_tax(CreateCheckoutSessionAutomaticTax::new(true));
        }
        request = match &checkout.customer {
            Some(customer) => request.customer(customer),
            None if checkout.saves_card => {
                request.customer_creation(CreateCheckoutSessionCustomerCreation::Always)
            }
            None => request,
        };
        let once = once("checkout", checkout.payment)?;
        Ok(session(request.customize().request_strategy(once).send(&self.client).await?))
    }

    async fn session(&self, id: &str) -> Result<Session, ProcessorError> {
        Ok(session(RetrieveCheckoutSession::new(id).send(&self.client).await?))
    }

    async fn charge(&self, charge: &Charge) -> Result<String, ProcessorError> {
        let request = CreatePaymentIntent::new(cents(charge.total)?, Currency::USD)
            .customer(&charge.customer)
            .payment_method(&charge.method)
            .confirm(true)
            .off_session(CreatePaymentIntentOffSession::Bool(true))
            .description("Credit")
            .metadata(mark(PAYMENT, charge.payment));
        let once = once("charge", charge.payment)?;
        let intent = request.customize().request_strategy(once).send(&self.client).await?;
        Ok(intent.id.to_string())
    }

    async fn refund(&self, refund: &Refund) -> Result<String, ProcessorError> {
        let request = CreateRefund::new()
            .payment_intent(&refund.intent)
            .amount(cents(refund.amount)?)
            .metadata(mark(REVERSAL, refund.reversal));
        let once = once("refund", refund.reversal)?;
        let made = request.customize().request_strategy(once).send(&self.client).await?;
        Ok(made.id.to_string())
    }

    async fn payment(&self, payment: Uuid, intent: &str) -> Result<Facts, ProcessorError> {
        let expanded = ["latest_charge.balance_transaction", "payment_method"].map(str::to_owned);
        let found = RetrievePaymentIntent::new(intent).expand(expanded).send(&self.client).await?;
        if found.metadata.get(PAYMENT) != Some(&payment.to_string()) {
            return Err(ProcessorError::Refused(format!("{intent} is not payment {payment}")));
        }
        let mut facts = facts(&found)?;
        if facts.state == Outcome::Succeeded {
            for refund in self.refunds(intent).await? {
                facts.refunds.push(refunded(&refund)?);
                for entry in [&refund.balance_transaction, &refund.failure_balance_transaction] {
                    facts.entries.extend(entry_of(entry.as_ref())?);
                }
            }
            for dispute in self.disputes(intent).await? {
                facts.disputes.extend(disputed(&dispute)?);
                for booked in &dispute.balance_transactions {
                    facts.entries.extend(entry(booked)?);
                }
            }
        }
        Ok(facts)
    }
}

/// Has a request that is sent again with the same id answered as it was before.
fn once(what: &str, id: Uuid) -> Result<RequestStrategy, ProcessorError> {
    let key = IdempotencyKey::new(format!("{what}-{id}"));
    key.map(RequestStrategy::Idempotent).map_err(|error| ProcessorError::Refused(error.to_string()))
}

fn mark(name: &str, id: Uuid) -> HashMap<String, String> {
    HashMap::from([(name.to_owned(), id.to_string())])
}

fn line(name: &str, amount: i64) -> Result<CreateCheckoutSessionLineItems, ProcessorError> {
    let price = CreateCheckoutSessionLineItemsPriceData {
        product_data: Some(ProductData::new(name)),
        unit_amount: Some(cents(amount)?),
        ..CreateCheckoutSessionLineItemsPriceData::new(Currency::USD)
    };
    Ok(CreateCheckoutSessionLineItems {
        price_data: Some(price),
        quantity: Some(1),
        ..CreateCheckoutSessionLineItems::new()
    })
}

fn session(session: CheckoutSession) -> Session {
    Session {
        id: session.id.to_string(),
        url: session.url,
        is_expired: session.status == Some(CheckoutSessionStatus::Expired),
        intent: session.payment_intent.map(|intent| intent.into_id().to_string()),
        customer: session.customer.map(|customer| customer.into_id().to_string()),
    }
}

/// What an intent says; refunds and disputes are asked for apart.
fn facts(intent: &PaymentIntent) -> Result<Facts, ProcessorError> {
    if intent.currency != Currency::USD {
        return Err(ProcessorError::Refused(format!("{} is not in USD", intent.id)));
    }
    let failure = intent.last_payment_error.as_ref().and_then(|error| error.message.clone());
    let state = match intent.status {
        PaymentIntentStatus::Succeeded => Outcome::Succeeded,
        PaymentIntentStatus::Canceled => Outcome::Failed,
        _ => Outcome::Pending,
    };
    let mut facts = Facts {
        intent_id: Some(intent.id.to_string()),
        customer_id: intent.customer.as_ref().map(|customer| customer.id().to_string()),
        failure,
        received: nanos(intent.amount_received)?,
        card: card(intent),
        ..Facts::new(state)
    };
    if let Some(charge) = intent.latest_charge.as_ref().and_then(Expandable::as_object) {
        facts.entries.extend(entry_of(charge.balance_transaction.as_ref())?);
    }
    Ok(facts)
}

/// The card, if it may be charged while its owner is away.
fn card(intent: &PaymentIntent) -> Option<Card> {
    if intent.setup_future_usage != Some(PaymentIntentSetupFutureUsage::OffSession) {
        return None;
    }
    let method = intent.payment_method.as_ref()?.as_object()?;
    let card = method.card.as_ref()?;
    Some(Card { id: method.id.to_string(), brand: card.brand.clone(), last4: card.last4.clone() })
}

fn refunded(refund: &stripe_core::Refund) -> Result<Reversed, ProcessorError> {
    let ours = refund.metadata.as_ref().and_then(|marks| marks.get(REVERSAL)?.parse().ok());
    let state = match refund.status.as_deref() {
        Some("succeeded") => Reversal::Done,
        Some("failed" | "canceled") => Reversal::Undone,
        _ => Reversal::Pending,
    };
    let reason = refund.reason.as_ref().map(|reason| reason.as_str().to_owned()).unwrap_or_default();
    let amount = nanos(refund.amount)?;
    Ok(Reversed { id: refund.id.to_string(), reversal_id: ours, amount, state, reason })
}

/// A dispute that took or may take money. Inquiries take none.
fn disputed(dispute: &Dispute) -> Result<Option<Reversed>, ProcessorError> {
    let state = match dispute.status {
        DisputeStatus::NeedsResponse | DisputeStatus::UnderReview => Reversal::Pending,
        DisputeStatus::Lost => Reversal::Done,
        DisputeStatus::Won => Reversal::Undone,
        _ => return Ok(None),
    };
    let (id, amount) = (dispute.id.to_string(), nanos(dispute.amount)?);
    Ok(Some(Reversed { id, reversal_id: None, amount, state, reason: dispute.reason.clone() }))
}

fn entry_of(booked: Option<&Expandable<BalanceTransaction>>) -> Result<Option<Entry>, ProcessorError> {
    booked.and_then(Expandable::as_object).map_or(Ok(None), entry)
}

/// A line of our account there. One in another currency than ours is left to people.
fn entry(booked: &BalanceTransaction) -> Result<Option<Entry>, ProcessorError> {
    if booked.currency != Currency::USD {
        tracing::error!(entry.id = %booked.id, "the processor books in another currency than USD");
        return Ok(None);
    }
    let (amount, fee) = (nanos(booked.amount)?, nanos(booked.fee)?);
    Ok(Some(Entry { id: booked.id.to_string(), amount, fee }))
}

fn nanos(cents: i64) -> Result<i64, ProcessorError> {
    let nanos = cents.checked_mul(NANOS_PER_CENT);
    nanos.ok_or_else(|| ProcessorError::Refused("an amount is out of range".to_owned()))
}

fn cents(nanos: i64) -> Result<i64, ProcessorError> {
    if nanos % NANOS_PER_CENT == 0 {
        Ok(nanos / NANOS_PER_CENT)
    } else {
        Err(ProcessorError::Refused("an amount is not in whole cents".to_owned()))
    }
}

impl From<StripeError> for ProcessorError {
    fn from(error: StripeError) -> Self {
        match error {
            StripeError::Stripe(error, status) => {
                let message = error.message.clone().unwrap_or_else(|| format!("status {status}"));
                if error.type_ == ApiErrorsType::IdempotencyError {
                    Self::Contradiction(message)
                } else if status == 402 {
                    let intent = error.payment_intent.map(|intent| intent.id.to_string());
                    Self::Declined { message, intent }
                } else if matches!(status, 401 | 403 | 409 | 424 | 429) || status >= 500 {
                    // A key that was replaced is mended by people; what was asked for still stands.
                    Self::Unreachable(message)
                } else {
                    Self::Refused(message)
                }
            }
            StripeError::ConfigError(message) => Self::Refused(message),
            StripeError::Timeout => Self::Unreachable("it did not answer in time".to_owned()),
            StripeError::ClientError(message) | StripeError::JSONDeserialize(message) => {
                Self::Unreachable(message)
            }
        }
    }
}
