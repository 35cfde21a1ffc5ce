//! What tenants are told of their balances and limits: settings, and posting.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use bytes::Bytes;
use egress::resolve::System;
use egress::{Pinned, Rules};
use http::Request;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http_body_util::Full;
use identity::{MasterKey, TenantId};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use crate::app::{App, insistently};
use crate::config::NoticesConfig;
use crate::store::notices::{self, Settings, Taken};
use crate::{Error, store};

/// Signs a notice: `t=<Unix seconds>,v1=<hex>`, the HMAC-SHA256 of `<t>.<body>`.
const SIGNATURE: &str = "patchbay-signature";
/// The same in every try.
const NOTICE_ID: &str = "patchbay-notice-id";
const SECRET_PREFIX: &str = "whsec_";
/// Characters of a secret that a tenant brings, at least and at most.
const SECRET_LENGTH: std::ops::RangeInclusive<usize> = 16..=256;
/// A pause between tries is never longer.
const PAUSE_MAX: Duration = Duration::from_secs(6 * 3_600);

/// Posts notices, within the rules of what may be called.
pub(crate) struct Courier {
    rules: Rules,
    resolver: System,
    tls: rustls::ClientConfig,
    key: MasterKey,
    timeout: Duration,
}

/// Why a try failed, in words for whoever set the webhook.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("no webhook is set any more")]
    Unset,
    #[error("the secret cannot be opened; set it again")]
    Secret,
    #[error("the URL cannot be used: {0}")]
    Url(egress::Refusal),
    /// One word for all of it: a tenant must not explore a network by the difference.
    #[error("the server cannot be reached from the internet")]
    Unreachable,
    #[error("the server did not answer in time")]
    Late,
    #[error("the server answered with status {0}")]
    Status(u16),
}

impl Courier {
    /// # Errors
    /// [`Error::Setting`] when an allowed origin is none, or TLS does not start.
    pub(crate) fn new(config: &NoticesConfig, master_key: &MasterKey) -> Result<Self, Error> {
        let setting = |error: &dyn std::fmt::Display| Error::Setting(format!("billing.notices: {error}"));
        Ok(Self {
            rules: Rules::new(&config.allowed_origins).map_err(|error| setting(&error))?,
            resolver: System::default(),
            tls: egress::tls().map_err(|error| setting(&error))?,
            key: master_key.derive("billing/notices"),
            timeout: Duration::from_millis(config.timeout_ms),
        })
    }

    fn seal(&self, secret: &str, tenant: Uuid) -> Result<Vec<u8>, Error> {
        self.key.seal(secret, &tenant.to_string()).map_err(|error| Error::Setting(error.to_string()))
    }

    async fn post(&self, notice: &Taken) -> Result<(), Failure> {
        let url = notice.webhook_url.as_deref().ok_or(Failure::Unset)?;
        let sealed = notice.sealed_secret.as_deref().ok_or(Failure::Secret)?;
        let secret = self.key.open(sealed, &notice.tenant_id.to_string()).map_err(|_| Failure::Secret)?;
        let checked = self.rules.check(url).map_err(Failure::Url)?;
        let request = Request::post(checked.url.as_str())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("patchbay/", env!("CARGO_PKG_VERSION")))
            .header(NOTICE_ID, notice.notice_id.to_string())
            .header(SIGNATURE, signature(secret.expose_secret(), now(), &notice.body))
            .body(Full::new(Bytes::from(notice.body.clone())))
            .map_err(|_| Failure::Unreachable)?;
        let posting = async {
            let pinned = Pinned::to(&checked, &self.rules, &self.resolver).await.map_err(|error| {
                tracing::info!(notice = %notice.notice_id, %error, "a webhook leads nowhere that may be called");
                Failure::Unreachable
            })?;
            let client = egress::client(self.tls.clone(), pinned);
            let answer = client.request(request).await.map_err(|_| Failure::Unreachable)?;
            // Redirects are failures: the place that was checked is the place that is told.
            if answer.status().is_success() { Ok(()) } else { Err(Failure::Status(answer.status().as_u16())) }
        };
        tokio::time::timeout(self.timeout, posting).await.unwrap_or(Err(Failure::Late))
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn signature(secret: &str, at: u64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signed = hmac::sign(&key, format!("{at}.{body}").as_bytes());
    format!("t={at},v1={}", hex::encode(signed))
}

/// What is asked of [`App::put_notice_settings`].
pub(crate) struct Wanted {
    pub webhook_url: Option<String>,
    /// `None` = the one that is kept, or a new one.
    pub secret: Option<String>,
    /// Nano-USD.
    pub low_balance: Option<i64>,
}

impl App {
    /// Sets what a tenant is told, and where. The new secret where one was made.
    ///
    /// # Errors
    /// [`Error::Refused`] for a URL or a secret that cannot be used; [`Error::Unknown`] tenant.
    pub(crate) async fn put_notice_settings(
        &self,
        tenant: TenantId,
        wanted: Wanted,
    ) -> Result<Option<String>, Error> {
        if let Some(url) = &wanted.webhook_url {
            let check = self.courier.rules.check(url);
            check.map_err(|refusal| Error::Refused(format!("webhook_url: {refusal}")))?;
        }
        if wanted.secret.as_ref().is_some_and(|secret| !SECRET_LENGTH.contains(&secret.len())) {
            return Err(Error::Refused("webhook_secret: use 16 to 256 characters".to_owned()));
        }
        let app = self.clone();
        self.owned(async move {
            let kept = notices::settings(&app.pool, tenant).await?.unwrap_or_default();
            let is_new = wanted.secret.is_none() && wanted.webhook_url.is_some() && !kept.has_secret;
            let made = is_new.then(|| format!("{SECRET_PREFIX}{}", MasterKey::generate_hex()));
            let secret = wanted.secret.as_ref().or(made.as_ref());
            let sealed = secret.map(|secret| app.courier.seal(secret, tenant.uuid())).transpose()?;
            let (url, low) = (wanted.webhook_url.as_deref(), wanted.low_balance);
            insistently(|| notices::put_settings(&app.pool, tenant, url, sealed.as_deref(), low)).await?;
            Ok(made)
        })
        .await
    }

    /// A tenant's settings.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub(crate) async fn notice_settings(&self, tenant: TenantId) -> Result<Settings, Error> {
        Ok(notices::settings(&self.pool, tenant).await?.unwrap_or_default())
    }

    /// Tries to deliver a notice, and keeps what became of it.
    ///
    /// # Errors
    /// When that cannot be kept; the try is then made again.
    pub(crate) async fn deliver(&self, notice: &Taken) -> Result<(), Error> {
        let outcome = self.courier.post(notice).await;
        let (error, pause) = match &outcome {
            Ok(()) => (None, None),
            Err(failure) => (Some(failure.to_string()), self.pause_after(notice.tries, failure)),
        };
        if let (Some(error), None) = (&error, pause) {
            tracing::warn!(notice = %notice.notice_id, tenant = %notice.tenant_id, error, "a notice is given up");
        }
        store::notices::tried(&self.pool, notice.notice_id, error.as_deref(), pause).await
    }

    /// Milliseconds until the next try; `None` when there is none.
    fn pause_after(&self, tries: i32, failure: &Failure) -> Option<i64> {
        let config = &self.config.notices;
        let tries = u32::try_from(tries).unwrap_or(u32::MAX);
        if tries >= config.tries || matches!(failure, Failure::Unset) {
            return None;
        }
        let pause = config.first_retry_ms.saturating_mul(4_u64.saturating_pow(tries.saturating_sub(1)));
        let longest = u64::try_from(PAUSE_MAX.as_millis()).unwrap_or(u64::MAX);
        i64::try_from(pause.min(longest)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_over_time_and_body() {
        // By `printf '1700000000.{}' | openssl dgst -sha256 -hmac secret`.
        let expected = "t=1700000000,v1=b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163";
        assert_eq!(signature("secret", 1_700_000_000, "{}"), expected);
        assert_ne!(signature("secret", 1_700_000_000, "{}"), signature("secret", 1_700_000_001, "{}"));
        assert_ne!(signature("secret", 1_700_000_000, "{}"), signature("other", 1_700_000_000, "{}"));
    }
}
