//! The payment processor that the simulator plays: whoever pays there, and the events it sends.

use anyhow::ensure;
use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::Simulator;

/// A card that pays.
pub const GOOD_CARD: &str = "4242424242424242";

impl Simulator {
    /// Pays on a page of the processor; the answer is where the payer is led then.
    ///
    /// # Errors
    /// When the page does not take the card.
    pub async fn pay(&self, page: &str, card: &str) -> anyhow::Result<String> {
        let shown = self.http.get(page).send().await?;
        ensure!(shown.status() == 200, "{page}: {shown:?}");
        let client =
            reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        let request = client.post(page).header("content-type", "application/x-www-form-urlencoded");
        let paid = request.body(format!("card={card}")).send().await?;
        ensure!(paid.status() == 303, "{page}: {paid:?}");
        let leads_to = paid.headers().get("location").and_then(|value| value.to_str().ok());
        Ok(leads_to.unwrap_or_default().to_owned())
    }

    /// The processor's events, oldest first.
    ///
    /// # Errors
    /// When the simulator cannot be asked.
    pub async fn payment_events(&self) -> anyhow::Result<Vec<Value>> {
        let body: Value = self.http.get(format!("{}/_stripe/events", self.base)).send().await?.json().await?;
        let events = body["data"].as_array().or(body.as_array()).cloned();
        Ok(events.unwrap_or_default())
    }

    /// Sends an event once more.
    ///
    /// # Errors
    /// When there is no such event.
    pub async fn deliver_again(&self, event: &str) -> anyhow::Result<()> {
        let url = format!("{}/_stripe/events/{event}/deliver", self.base);
        let response = self.http.post(url).send().await?;
        ensure!(response.status().is_success(), "{response:?}");
        Ok(())
    }

    /// Whether the processor keeps its events to itself.
    ///
    /// # Errors
    /// When the simulator cannot be asked.
    pub async fn mute_payments(&self, mute: bool) -> anyhow::Result<()> {
        let url = format!("{}/_stripe/faults", self.base);
        let response = self.http.post(url).json(&json!({"mute": mute})).send().await?;
        ensure!(response.status().is_success(), "{response:?}");
        Ok(())
    }
}

/// `Stripe-Signature` of a body at a time in Unix seconds.
#[must_use]
pub fn event_signature(secret: &str, body: &str, at: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{at}.{body}").as_bytes());
    format!("t={at},v1={}", hex::encode(tag.as_ref()))
}
