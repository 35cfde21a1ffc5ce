//! The `edge` section of the configuration.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::{NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;
use serde::Deserialize;

use crate::access::{COOKIE, PLAIN_COOKIE};

/// A length of time of at least a millisecond, written as milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub NonZeroU64);

impl Millis {
    #[must_use]
    pub const fn get(self) -> Duration {
        Duration::from_millis(self.0.get())
    }
}

/// The whole section. Every key is explained in `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub listen: SocketAddr,
    pub public_url: String,
    pub id: String,
    pub regions: Vec<String>,
    pub http: HttpConfig,
    pub console: ConsoleConfig,
    pub requests: RequestsConfig,
    pub auth: AuthConfig,
    pub leases: LeasesConfig,
    pub limits: LimitsConfig,
    pub calls: CallsConfig,
    pub cache: CacheConfig,
    pub idempotency: IdempotencyConfig,
    pub content: ContentConfig,
    pub sessions: SessionsConfig,
    pub mail: MailConfig,
    pub oidc: OidcConfig,
    pub destinations: DestinationsConfig,
    pub audit: AuditConfig,
    pub erasure: ErasureConfig,
    pub live: LiveConfig,
}

impl Config {
    /// Where people reach this edge, without a slash at the end: as configured, else on this machine.
    #[must_use]
    pub fn public_base(&self) -> String {
        if !self.public_url.is_empty() {
            return self.public_url.trim_end_matches('/').to_owned();
        }
        let ip = match self.listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        format!("http://{}", SocketAddr::new(ip, self.listen.port()))
    }
}

/// Sessions of people who signed in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionsConfig {
    pub idle_ms: Millis,
    pub longest_ms: Millis,
    pub secure: bool,
    pub failures_per_email: u32,
    pub failures_per_client: u32,
    pub failures_per_email_everywhere: u32,
    pub hashes: NonZeroUsize,
}

impl SessionsConfig {
    /// The cookie's name.
    #[must_use]
    pub const fn cookie(&self) -> &'static str {
        if self.secure { COOKIE } else { PLAIN_COOKIE }
    }
}

/// Traces that are sent to where organisations want them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestinationsConfig {
    pub allowed_origins: Vec<String>,
    pub poll_ms: Millis,
    pub wait_ms: u64,
    pub timeout_ms: Millis,
    pub tries: i32,
    pub first_retry_ms: Millis,
    pub longest_retry_ms: Millis,
    pub patience_ms: Millis,
    pub keep_failed_ms: Millis,
}

/// How mail is sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    pub smtp_url: SecretString,
    pub from: String,
    pub folder: PathBuf,
    pub poll_ms: Millis,
    pub invitations_per_day: u32,
}

/// An issuer of accounts elsewhere. Without one nobody signs in that way.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    pub issuer: String,
    pub client_id: String,
    pub client_secret: SecretString,
    pub scopes: String,
    pub organization: String,
    pub default_role: String,
}

/// Connections and what a client may send.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    pub idle_timeout_ms: Millis,
    pub header_timeout_ms: Millis,
    pub body_timeout_ms: Millis,
    pub max_body_bytes: NonZeroUsize,
    pub max_upload_bytes: NonZeroUsize,
    pub max_admin_body_bytes: NonZeroUsize,
    pub max_header_bytes: NonZeroUsize,
    pub max_url_bytes: NonZeroUsize,
    pub max_connections: NonZeroUsize,
    pub max_streams: NonZeroU32,
    pub trusted_proxies: Vec<IpNet>,
    pub linger_ms: u64,
    pub drain_ms: Millis,
}

/// Where the web console's files are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleConfig {
    pub folder: PathBuf,
}

/// How inference requests are carried out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestsConfig {
    pub max_open: NonZeroUsize,
    pub keep_alive_ms: Millis,
    pub stalled_client_ms: Millis,
    pub total_ms: Millis,
    pub executions: NonZeroU32,
}

/// How long what is known of a key is used.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthConfig {
    pub fresh_ms: Millis,
    pub stale_ms: Millis,
    pub unknown_ms: Millis,
    pub lookups: NonZeroUsize,
    pub lookup_timeout_ms: Millis,
    pub poll_ms: Millis,
    pub max_keys: NonZeroU64,
}

/// The sessions with billing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeasesConfig {
    pub deadline_ms: Millis,
    pub ask_again_ms: Millis,
    pub heartbeat_ms: Millis,
    pub report_every_ms: Millis,
    pub report_batch: NonZeroUsize,
    pub report_again_ms: Millis,
    pub max_unreported: NonZeroUsize,
    pub min_requests: NonZeroU32,
    pub max_lease_nano: NonZeroU64,
    pub idle_ms: Millis,
    pub tight_ms: Millis,
    pub quantum_tokens: u64,
}

/// What a key or an organisation may. 0 = no limit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    pub requests_per_minute: u32,
    pub tokens_per_minute: u32,
    pub concurrent: u32,
    pub organization_requests_per_minute: u32,
    pub organization_tokens_per_minute: u32,
    pub organization_concurrent: u32,
    pub organization_management_requests_per_minute: u32,
    pub free_requests_per_minute: u32,
    pub free_requests_per_day: u32,
    pub free_requests_per_day_paid: u32,
    pub free_requests_paid_from_nano: i64,
    pub redis_timeout_ms: Millis,
}

/// Calls that are not inference. Each number is of one organisation, operator or network.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallsConfig {
    pub at_once: NonZeroUsize,
    pub waiting: usize,
    pub wait_ms: Millis,
    pub outside: NonZeroUsize,
    pub outside_of_all: NonZeroUsize,
    pub streams: NonZeroUsize,
}

/// Answers that are cached for those who ask for it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheConfig {
    pub max_bytes: u64,
    pub max_answer_bytes: NonZeroUsize,
    pub redis_timeout_ms: Millis,
}

/// Answers that are kept under a name of the client's.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdempotencyConfig {
    pub keep_ms: Millis,
    pub max_answer_bytes: NonZeroUsize,
    pub heartbeat_ms: Millis,
    pub claim_ms: Millis,
    pub look_again_ms: Millis,
    pub sweep_every_ms: Millis,
}

/// Content of requests and answers that is kept where a workspace wants it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentConfig {
    pub keep_ms: Millis,
    pub hand_on_ms: Millis,
    pub max_bytes: NonZeroUsize,
    pub max_answer_bytes: NonZeroUsize,
    pub max_held_bytes: NonZeroUsize,
    pub sweep_every_ms: Millis,
}

/// The record of changes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditConfig {
    pub seal_every_ms: Millis,
    pub check_every_ms: Millis,
    pub check_batch: NonZeroU16,
}

/// Organisations that are being erased.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureConfig {
    pub look_every_ms: Millis,
}

/// Streams of what happens, for operators.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveConfig {
    pub every_ms: Millis,
    pub check_ms: Millis,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct File {
        edge: Config,
    }

    #[test]
    fn the_defaults_are_a_whole_section() {
        let defaults = include_str!("../../../config/default.toml");
        let file: File = lifecycle::load(defaults, None, "").unwrap();
        assert_eq!(file.edge.http.max_body_bytes.get(), 20 * 1024 * 1024);
        let wrong = lifecycle::load::<File>(defaults, None, "[edge.http]\ndrain_ms = 0").unwrap_err();
        assert!(wrong.to_string().contains("edge.http.drain_ms"), "{wrong}");
    }
}
