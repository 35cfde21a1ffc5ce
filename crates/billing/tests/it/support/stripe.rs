//! The stand-in for Stripe, on a port of its own, and billing that uses it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use billing::Config;
use http::Method;
use lifecycle::Tasks;
use rpc::billing::{CreateCheckoutRequest, GetPaymentRequest, Payment, ReceiveEventRequest};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tonic::Status;

use super::postgres::Database;
use super::{Billing, Customer, config};

pub(crate) const SECRET: &str = "whsec_of_the_tests";
pub(crate) const USD: i64 = 1_000_000_000;
pub(crate) const GOOD: &str = "4242424242424242";

/// The processor. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Stripe {
    base: String,
    http: reqwest::Client,
    _tasks: Arc<Stopped>,
}

/// Stops the server when the last of its users is gone.
struct Stopped(Tasks);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.shutdown().begin();
    }
}

impl Stripe {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let tasks = Tasks::default();
        let served = simulator::serve(listener, simulator::Config::default(), tasks.shutdown().clone());
        tokio::spawn(served);
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let redirects = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().no_proxy().redirect(redirects).build().unwrap();
        Self { base, http, _tasks: Arc::new(Stopped(tasks)) }
    }

    pub(crate) fn config(&self) -> Config {
        let mut config = config();
        config.payments.stripe_secret_key = "sk_test_of_the_tests".into();
        config.payments.stripe_url.clone_from(&self.base);
        config
    }

    /// A replica of billing that uses it, on a database of its own.
    pub(crate) async fn billing(&self) -> Billing {
        Billing::over(Database::create().await, self.config(), None).await
    }

    pub(crate) async fn control(&self, method: Method, path: &str, body: Value) -> Value {
        let request = self.http.request(method, format!("{}/_stripe/{path}", self.base));
        let answer = request.body(body.to_string()).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// A call of the API proper, as some other client of the account makes it.
    pub(crate) async fn api(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        form: &str,
    ) -> (u16, Value) {
        let mut request = self.http.request(method, format!("{}/v1/{path}", self.base));
        request = request.header("authorization", "Bearer sk_test_other").body(form.to_owned());
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }

    /// Pays a page with a card. The status of the answer.
    pub(crate) async fn pay(&self, payment: &Payment, card: &str) -> u16 {
        let answer = self.http.post(&payment.url).body(format!("card={card}")).send().await.unwrap();
        answer.status().as_u16()
    }

    /// The events so far, oldest first.
    pub(crate) async fn events(&self) -> Vec<Value> {
        self.control(Method::GET, "events", json!({})).await.as_array().unwrap().clone()
    }

    pub(crate) async fn count(&self, list: &str) -> usize {
        let (_, found) = self.api(Method::GET, &format!("{list}?limit=100"), None, "").await;
        found["data"].as_array().unwrap().len()
    }
}

/// `Stripe-Signature` of a body that was sent `age` seconds ago.
pub(crate) fn signature(secret: &str, body: &str, age: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let at = i64::try_from(now).unwrap() - age;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{at}.{body}").as_bytes());
    format!("t={at},v1={}", hex::encode(tag.as_ref()))
}

impl Billing {
    pub(crate) async fn checkout(&self, customer: &Customer, usd: i64, source: &str) -> Payment {
        let request = CreateCheckoutRequest {
            tenant_id: customer.tenant.to_string(),
            amount: usd * USD,
            source_id: source.to_owned(),
            save_card: false,
            return_url: String::new(),
        };
        self.payments.clone().create_checkout(request).await.unwrap().into_inner()
    }

    pub(crate) async fn receive(&self, body: String, signature: String) -> Result<(), Status> {
        let request = ReceiveEventRequest { body: body.into(), signature };
        self.payments.clone().receive_event(request).await.map(|_| ())
    }

    /// Hears every event that there is, in the order given.
    pub(crate) async fn hear(&self, events: &[Value]) {
        for event in events {
            let body = event.to_string();
            let signature = signature(SECRET, &body, 0);
            self.receive(body, signature).await.unwrap();
        }
    }

    /// Buys credit to the end.
    pub(crate) async fn buy(&self, stripe: &Stripe, customer: &Customer, usd: i64, source: &str) -> Payment {
        let payment = self.checkout(customer, usd, source).await;
        assert_eq!(stripe.pay(&payment, GOOD).await, 303);
        self.hear(&stripe.events().await).await;
        let paid = self.payment(&payment).await;
        assert_eq!(paid.state, "succeeded");
        paid
    }

    pub(crate) async fn payment(&self, payment: &Payment) -> Payment {
        let request = GetPaymentRequest {
            payment_id: payment.payment_id.clone(),
            tenant_id: payment.tenant_id.clone(),
        };
        self.payments.clone().get_payment(request).await.unwrap().into_inner()
    }

    /// What is left of the customer's credit, in nano-USD.
    pub(crate) async fn balance(&self, customer: &Customer) -> i64 {
        let credits = self.credits(customer.tenant).await;
        credits.total_credits - credits.total_usage
    }

    /// Credits less debits of a platform account.
    pub(crate) async fn platform(&self, code: &str) -> i64 {
        sqlx::query_scalar(
            "select coalesce(sum(case when credit_account = billing.platform_account($1) then amount else 0 end)
                - sum(case when debit_account = billing.platform_account($1) then amount else 0 end), 0)::bigint
            from billing.transfer",
        )
        .bind(code)
        .fetch_one(self.admin())
        .await
        .unwrap()
    }
}
