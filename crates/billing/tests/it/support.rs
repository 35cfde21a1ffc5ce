//! What these tests share: a billing service over a database of its own.

pub(crate) mod edge;
pub(crate) mod nats;
pub(crate) mod postgres;
pub(crate) mod records;
pub(crate) mod stripe;

use std::sync::Arc;

use billing::{
    BusConfig, Config, Deps, InvoicesConfig, Issuer, NoticesConfig, PaymentsConfig, Service, UsageConfig,
};
use identity::{KeyId, MasterKey, TenantId};
use lifecycle::{Health, Metrics, Tasks};
use rpc::Channel;
use rpc::billing::billing_client::BillingClient;
use rpc::billing::payments_client::PaymentsClient;
use rpc::billing::plans_client::PlansClient;
use rpc::billing::usage_reports_client::UsageReportsClient;
use rpc::billing::{
    CheckInvariantsRequest, Credits, GetCreditsRequest, GetTermsRequest, GrantCreditRequest,
    OpenTenantRequest, PutKeyLimitRequest, Terms,
};
use sqlx::PgPool;

use self::postgres::Database;

/// The same for all replicas of a test.
const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

pub(crate) type Client = BillingClient<Channel>;

/// One replica of billing, called in process.
pub(crate) struct Billing {
    pub database: Database,
    pub client: Client,
    /// Where the other services of this replica are called.
    pub channel: Channel,
    pub plans: PlansClient<Channel>,
    pub payments: PaymentsClient<Channel>,
    pub reports: UsageReportsClient<Channel>,
    pub metrics: Metrics,
    tasks: Tasks,
}

/// A tenant with credit and one key.
#[derive(Debug, Clone)]
pub(crate) struct Customer {
    pub tenant: TenantId,
    pub key: KeyId,
    pub accounts: Vec<String>,
}

/// Jobs that sweep fast and never check by themselves; waits as short as the test likes to shift the clock by.
pub(crate) fn config() -> Config {
    Config {
        lease_ttl_ms: 60_000,
        longest_request_ms: 600_000,
        shared_lease_ms: 600_000,
        recall_wait_ms: 400,
        grace_ms: 660_000,
        sweep_every_ms: 20,
        check_every_ms: 3_600_000,
        check_depth_ms: 900_000,
        full_check_every: 1,
        full_check_depth_ms: 86_400_000,
        check_sealed: 10_000,
        seal_every_ms: 3_600_000,
        seal_batch: 1_000,
        drain_ms: 10,
        ask_batch: 64,
        park_after: 3,
        notices: NoticesConfig {
            every_ms: 20,
            full_every: 1,
            tries: 3,
            first_retry_ms: 1,
            timeout_ms: 5_000,
            allowed_origins: Vec::new(),
        },
        usage: UsageConfig {
            fold_every_ms: 20,
            retention_days: 400,
            replay_days: 35,
            oldest_days: 30,
            forget_every_ms: 3_600_000,
        },
        bus: BusConfig {
            replicas: 1,
            max_bytes: 64 * 1024 * 1024,
            max_age_seconds: 3_600,
            ack_wait_seconds: 2,
            batch: 64,
        },
        payments: PaymentsConfig {
            stripe_secret_key: "".into(),
            stripe_webhook_secret: stripe::SECRET.into(),
            stripe_url: "https://127.0.0.1:9/".to_owned(),
            automatic_tax: false,
            return_url: "http://127.0.0.1:8080/".to_owned(),
            minimum_usd: 5,
            maximum_usd: 25_000,
            refund_within_hours: 24,
            webhook_tolerance_seconds: 300,
            poll_every_ms: 20,
            poll_after_ms: 60_000,
            timeout_ms: 10_000,
        },
        invoices: InvoicesConfig { every_ms: 3_600_000, grace_ms: 0, due_days: 14, issuer: issuer() },
    }
}

pub(crate) fn issuer() -> Issuer {
    Issuer {
        code: "main".to_owned(),
        name: "Patchbay Ltd".to_owned(),
        address: vec!["14 Exchange Row".to_owned(), "Dublin D02 XY45".to_owned()],
        country: "IE".to_owned(),
        tax_id: "IE1234567T".to_owned(),
        registration: "Reg. no. 543210".to_owned(),
        email: "billing@patchbay.example".to_owned(),
        tax_name: "VAT".to_owned(),
        payment_instructions: vec!["IBAN IE29 AIBK 9311 5212 3456 78, BIC AIBKIE2D".to_owned()],
    }
}

impl Billing {
    pub(crate) async fn start() -> Self {
        Self::over(Database::create().await, config(), None).await
    }

    pub(crate) async fn over(database: Database, config: Config, bus: Option<async_nats::Client>) -> Self {
        let (tasks, metrics) = (Tasks::default(), Metrics::default());
        let deps = Deps {
            pool: database.pool(),
            bus,
            master_key: Arc::new(MasterKey::from_hex(MASTER_KEY).unwrap()),
            tasks: tasks.clone(),
            health: Health::default(),
            metrics: metrics.clone(),
        };
        let service = Service::start(config, deps).await.unwrap();
        let channel = Channel::local(service.grpc());
        let client = BillingClient::new(channel.clone());
        let plans = PlansClient::new(channel.clone());
        let payments = PaymentsClient::new(channel.clone());
        let reports = UsageReportsClient::new(channel.clone()).max_decoding_message_size(rpc::MAX_MESSAGE);
        Self { database, client, plans, payments, reports, channel, metrics, tasks }
    }

    /// Seals the ledger up to here.
    pub(crate) async fn seal(&self) {
        for _ in 0..500 {
            self.count("select billing.seal_ledger(3)").await;
            let left = "select count(*) from billing.transfer t, billing.seal_mark m where t.xid >= m.below";
            if self.count(left).await == 0 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("the ledger was not sealed");
    }

    /// Ends the replica and waits for what it was doing.
    pub(crate) async fn stop(&self) {
        assert!(self.tasks.drain(std::time::Duration::from_secs(20)).await, "billing did not stop");
    }

    pub(crate) fn admin(&self) -> &PgPool {
        &self.database.admin
    }

    pub(crate) async fn customer(&self, credit: i64) -> Customer {
        let (tenant, key) = (TenantId::generate(), KeyId::generate());
        let mut client = self.client.clone();
        let open =
            OpenTenantRequest { tenant_id: tenant.to_string(), plan: String::new(), markup_basis_points: 0 };
        client.open_tenant(open).await.unwrap();
        if credit > 0 {
            client.grant_credit(promotion(tenant, credit, "first")).await.unwrap();
        }
        let accounts = account_ids(&self.terms(tenant, key).await);
        Customer { tenant, key, accounts }
    }

    /// Limits the customer's key, and has its requests reserve from the limit too.
    pub(crate) async fn limit(&self, customer: &mut Customer, limit: Option<i64>, reset: &str) {
        let request = PutKeyLimitRequest {
            tenant_id: customer.tenant.to_string(),
            key_id: customer.key.to_string(),
            limit,
            reset: reset.to_owned(),
            counts_own_keys: None,
        };
        self.client.clone().put_key_limit(request).await.unwrap();
        customer.accounts = account_ids(&self.terms(customer.tenant, customer.key).await);
    }

    pub(crate) async fn terms(&self, tenant: TenantId, key: KeyId) -> Terms {
        let request = GetTermsRequest {
            tenant_id: tenant.to_string(),
            key_id: key.to_string(),
            ..GetTermsRequest::default()
        };
        self.client.clone().get_terms(request).await.unwrap().into_inner()
    }

    pub(crate) async fn credits(&self, tenant: TenantId) -> Credits {
        let request = GetCreditsRequest { tenant_id: tenant.to_string() };
        self.client.clone().get_credits(request).await.unwrap().into_inner()
    }

    /// Spent and held of the customer's credit.
    pub(crate) async fn spent_and_held(&self, customer: &Customer) -> (i64, i64) {
        let credits = self.credits(customer.tenant).await;
        (credits.total_usage, credits.held)
    }

    pub(crate) async fn breaches(&self) -> Vec<(String, String)> {
        let answer = self.client.clone().check_invariants(CheckInvariantsRequest::default()).await.unwrap();
        let breaches = answer.into_inner().breaches;
        breaches.into_iter().map(|breach| (breach.invariant, breach.detail)).collect()
    }

    /// What the clock was moved past may wait for the sweep, which comes often here, and for nothing else.
    pub(crate) async fn assert_sound(&self) {
        let mut breaches = self.breaches().await;
        for _ in 0..500 {
            if breaches.is_empty() || breaches.iter().any(|(invariant, _)| invariant != "I10") {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            breaches = self.breaches().await;
        }
        assert_eq!(breaches, Vec::new());
    }

    /// Moves billing's clock on by this much in all. Billing swept all the while.
    pub(crate) async fn shift_clock(&self, seconds: f64) {
        let pass = "with was as (select shift from billing.clock_shift),
                moved as (update billing.clock_shift set shift = $1 * interval '1 second')
            update billing.pulse set beat_at = beat_at + $1 * interval '1 second' - was.shift from was";
        sqlx::query(pass).bind(seconds).execute(self.admin()).await.unwrap();
    }

    /// Moves billing's clock on by this much. Billing was away meanwhile, and has noticed.
    pub(crate) async fn stay_away(&self, seconds: f64) {
        sqlx::query("update billing.clock_shift set shift = shift + $1 * interval '1 second'")
            .bind(seconds)
            .execute(self.admin())
            .await
            .unwrap();
        self.eventually("select count(*) from billing.pulse where counts_from > billing.clock()", 1).await;
    }

    /// Sets billing's clock to about this moment; it runs on from there. Billing swept all the while.
    pub(crate) async fn shift_to(&self, moment: &'static str) {
        let pass = "with moved as (
                update billing.clock_shift set shift = $1::text::timestamptz - clock_timestamp())
            update billing.pulse set beat_at = $1::text::timestamptz";
        sqlx::query(pass).bind(moment).execute(self.admin()).await.unwrap();
    }

    pub(crate) async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(self.admin()).await.unwrap()
    }

    /// Waits until `query` counts `wanted`; the sweep of the service is what changes it.
    pub(crate) async fn eventually(&self, query: &'static str, wanted: i64) {
        let mut last = 0;
        for _ in 0..1_000 {
            last = self.count(query).await;
            if last == wanted {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("`{query}` stayed at {last}, not {wanted}");
    }
}

pub(crate) fn promotion(tenant: TenantId, amount: i64, source: &str) -> GrantCreditRequest {
    GrantCreditRequest {
        tenant_id: tenant.to_string(),
        amount,
        kind: "promotion".to_owned(),
        reason: "test".to_owned(),
        source_id: source.to_owned(),
        expires_at_ms: 0,
    }
}

/// The accounts that requests at these terms reserve from.
pub(crate) fn account_ids(terms: &Terms) -> Vec<String> {
    terms.accounts.iter().map(|account| account.account_id.clone()).collect()
}
