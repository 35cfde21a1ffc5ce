//! The `billing` section of the configuration.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::processor::Processor;
use crate::processor::stripe::Stripe;

/// Every key is documented in `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How long a lease lives without its edge's heartbeat.
    pub lease_ttl_ms: u64,
    /// The longest that a request runs; no lease of one request outlives it.
    pub longest_request_ms: u64,
    /// How long a lease of many requests lives at most.
    pub shared_lease_ms: u64,
    /// How long an ask that is short waits for what other edges hold; 0 = not at all, nothing is recalled.
    pub recall_wait_ms: u64,
    /// How long a fenced lease stays held, and how long a claim or an edge's word waits for its counterpart.
    pub grace_ms: u64,
    /// Pause between sweeps over leases and claims.
    pub sweep_every_ms: u64,
    /// Pause between checks of the invariants.
    pub check_every_ms: u64,
    /// How far back a check looks at single records.
    pub check_depth_ms: u64,
    /// Every so many checks one looks further back,
    pub full_check_every: u32,
    /// by this much.
    pub full_check_depth_ms: u64,
    /// Sealed transfers that each check reads again, going round.
    pub check_sealed: u32,
    /// Pause between rounds of sealing the ledger.
    pub seal_every_ms: u64,
    /// Transfers that one transaction seals at most, about.
    pub seal_batch: u32,
    /// How long lease sessions go on once the process is to stop, so that edges can hand over.
    pub drain_ms: u64,
    /// Asks that one transaction answers at most.
    pub ask_batch: usize,
    /// Tries after which a record that cannot be settled is parked.
    pub park_after: u32,
    pub notices: NoticesConfig,
    pub usage: UsageConfig,
    pub bus: BusConfig,
    pub payments: PaymentsConfig,
    pub invoices: InvoicesConfig,
}

/// The `billing.payments` section: how money comes in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentsConfig {
    /// Stripe's secret or restricted key; empty = payments are not configured.
    pub stripe_secret_key: SecretString,
    /// What Stripe signs its events with.
    pub stripe_webhook_secret: SecretString,
    pub stripe_url: String,
    /// Whether Stripe adds the tax.
    pub automatic_tax: bool,
    /// Where the page of a payment leads afterwards, unless its caller says.
    pub return_url: String,
    /// The least and the most that one payment buys, in USD.
    pub minimum_usd: u32,
    pub maximum_usd: u32,
    /// How long after paying a tenant may take a purchase back by itself.
    pub refund_within_hours: u32,
    /// How far the time of an event's signature may be off.
    pub webhook_tolerance_seconds: u64,
    /// Pause between looks at payments, promotions and debts.
    pub poll_every_ms: u64,
    /// How long a payment waits for an event before the processor is asked about it, and between asking.
    pub poll_after_ms: u64,
    /// How long the processor may take to answer.
    pub timeout_ms: u64,
}

impl PaymentsConfig {
    /// The processor; `None` when none is configured.
    ///
    /// # Errors
    /// [`Error::Processor`] when its key or URL cannot be used.
    pub(crate) fn processor(&self) -> Result<Option<Box<dyn Processor>>, Error> {
        if self.stripe_secret_key.expose_secret().is_empty() {
            return Ok(None);
        }
        let timeout = Duration::from_millis(self.timeout_ms);
        let stripe = Stripe::new(&self.stripe_secret_key, &self.stripe_url, timeout, self.automatic_tax)?;
        Ok(Some(Box::new(stripe)))
    }
}

/// The `billing.notices` section: news of low balances and of limits that are nearly used up.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticesConfig {
    /// Pause between looks at balances, and between tries to deliver.
    pub every_ms: u64,
    /// Every so many looks one is at every balance; the others look where something was spent lately.
    pub full_every: u32,
    /// Tries after which a webhook is given up.
    pub tries: u32,
    /// Pause after the first try; each further one is four times as long.
    pub first_retry_ms: u64,
    /// How long a webhook's server may take to answer.
    pub timeout_ms: u64,
    /// Origins, such as `http://127.0.0.1:9000`, that webhooks may be sent to although they are not https or not
    /// on the public internet.
    pub allowed_origins: Vec<String>,
}

impl NoticesConfig {
    pub(crate) const fn every(&self) -> Duration {
        Duration::from_millis(self.every_ms)
    }
}
/// The `billing.invoices` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvoicesConfig {
    /// Pause between looks at what is to be closed, drafted and issued.
    pub every_ms: u64,
    /// How long a draft can be looked at before it is issued.
    pub grace_ms: u64,
    /// Days from issue to payment of those who pay by invoice.
    pub due_days: u16,
    pub issuer: Issuer,
}

/// The `billing.invoices.issuer` section: who issues invoices, as documents say it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Tells series of numbers and chains of hashes apart. Never printed, never to be changed.
    pub code: String,
    pub name: String,
    pub address: Vec<String>,
    /// ISO 3166, two letters.
    pub country: String,
    pub tax_id: String,
    pub registration: String,
    pub email: String,
    /// What tax is called, such as `VAT`.
    pub tax_name: String,
    /// How to pay, a line each.
    pub payment_instructions: Vec<String>,
}

/// The `billing.usage` section: rollups, and how long single records are kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageConfig {
    /// Pause between folding settled usage into the rollups.
    pub fold_every_ms: u64,
    /// Days that single generations and their attempts are kept at least.
    pub retention_days: u32,
    /// Days that settlements, which tell replays, and closed leases are kept at least.
    pub replay_days: u32,
    /// Records and edges' words on generations older than so many days are parked: below `replay_days`.
    pub oldest_days: u32,
    /// Pause between looking for what is kept no longer.
    pub forget_every_ms: u64,
}

impl UsageConfig {
    pub(crate) const fn fold_every(&self) -> Duration {
        Duration::from_millis(self.fold_every_ms)
    }

    pub(crate) const fn forget_every(&self) -> Duration {
        Duration::from_millis(self.forget_every_ms)
    }
}

/// The `billing.bus` section: the JetStream stream that carries usage.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusConfig {
    /// Copies of the stream in a JetStream cluster.
    pub replicas: usize,
    /// Bytes that the stream holds at most; when it is full, workers settle by call.
    pub max_bytes: i64,
    /// Seconds after which the stream drops what nobody settled; the workers' spools keep it.
    pub max_age_seconds: u64,
    /// Seconds after which an unacknowledged message is delivered again.
    pub ack_wait_seconds: u64,
    /// Messages that one transaction settles at most.
    pub batch: usize,
}

impl InvoicesConfig {
    pub(crate) const fn every(&self) -> Duration {
        Duration::from_millis(self.every_ms)
    }
}

impl Config {
    pub(crate) const fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms)
    }

    pub(crate) const fn recall_wait(&self) -> Duration {
        Duration::from_millis(self.recall_wait_ms)
    }

    pub(crate) const fn sweep_every(&self) -> Duration {
        Duration::from_millis(self.sweep_every_ms)
    }

    pub(crate) const fn seal_every(&self) -> Duration {
        Duration::from_millis(self.seal_every_ms)
    }

    pub(crate) const fn check_every(&self) -> Duration {
        Duration::from_millis(self.check_every_ms)
    }
}
