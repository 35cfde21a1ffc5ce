//! Passwords, codes and tokens that are not right, shown again and again: counted by network first, so that whoever
//! guesses is held up, and not whoever is guessed at. Guesses from everywhere are counted too, and hold nobody up where
//! they signed in before.

use std::net::IpAddr;
use std::time::Duration;

use identity::KeyHash;
use ipnet::IpNet;

use super::{Client, Email, Error};
use crate::http::address::network;
use crate::limits::{Exceeded, Rule};
use crate::service::App;
use crate::store::sessions;

/// In which failures are counted.
const WINDOW: Duration = Duration::from_secs(15 * 60);
const MINUTE: Duration = Duration::from_secs(60);

/// Tries to show the password of one account from one network.
pub(super) struct Tries<'a> {
    app: &'a App,
    /// That account from that network, and that network. A limit of 0 is none.
    here: [Rule; 2],
    /// That account from wherever it was not signed in to lately; `None` where it was.
    elsewhere: Option<Rule>,
}

impl<'a> Tries<'a> {
    /// `hash` is the password's, as it is kept; `None` for nobody. What failed is counted against it, so that a new
    /// password begins with no failures, on every edge.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub(super) async fn of(
        app: &'a App,
        email: &Email,
        hash: Option<&str>,
        client: &Client,
    ) -> Result<Self, Error> {
        let config = &app.config.sessions;
        let account = KeyHash::of(&format!("{} {}", email.as_str(), hash.unwrap_or_default()));
        let network = client.network();
        let rule = |scope, limit: u32, window, name| Rule { scope, limit: limit.into(), window, name };
        let here = [
            rule(
                format!("sign-in:{account}:{network}"),
                config.failures_per_email,
                WINDOW,
                "failed sign-ins of this address from here",
            ),
            rule(
                format!("sign-in:{network}"),
                config.failures_per_client,
                WINDOW,
                "failed sign-ins from here",
            ),
        ];
        let is_known = sessions::is_known_network(&app.pool, known(app, email.as_str(), network)).await?;
        // Guessing from many places is slowed; its owner waits for seconds at most, and not where they are known.
        let elsewhere = || {
            let (scope, limit) = (format!("sign-in:{account}"), config.failures_per_email_everywhere);
            rule(scope, limit, MINUTE, "failed sign-ins of this address")
        };
        Ok(Self { app, here, elsewhere: (!is_known).then(elsewhere) })
    }

    fn limits(&self) -> impl Iterator<Item = &Rule> {
        self.here.iter().chain(&self.elsewhere).filter(|rule| rule.limit > 0)
    }

    /// # Errors
    /// [`Error::Limited`] when too many failed already.
    pub(super) async fn check(&self) -> Result<(), Error> {
        for rule in self.limits() {
            if self.app.limits.spent(rule).await >= rule.limit {
                self.app.metrics.signed_in("limited");
                // Says how long it lasts.
                self.app.limits.spend(rule).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn failed(&self) {
        self.app.metrics.signed_in("failed");
        for rule in self.limits() {
            let _ = self.app.limits.spend(rule).await;
        }
    }

    /// Somebody with the password is there: what failed before was theirs.
    pub(super) async fn succeeded(&self) {
        let [here, _] = &self.here;
        self.app.limits.forgive(here).await;
    }
}

/// As what the database knows that somebody signed in from a network.
fn known(app: &App, email: &str, network: IpNet) -> KeyHash {
    app.people.networks.digest(&format!("{email} {network}"))
}

/// Remembers that somebody signed in from here. Whoever is not remembered is as a stranger, and signed in all the same.
pub(super) async fn remember(app: &App, email: &str, client: &Client) {
    if let Err(error) = sessions::remember_network(&app.pool, known(app, email, client.network())).await {
        tracing::warn!(%error, "where somebody signed in is not remembered");
    }
}

/// Does what somebody who is not signed in asks for by a code or a token, unless too many of those shown from their
/// network were not in force. `is_unknown` tells which failures are such.
///
/// # Errors
/// Those of `work`, and [`Exceeded`].
pub(crate) async fn bounded<T, E: From<Exceeded>>(
    app: &App,
    address: IpAddr,
    is_unknown: fn(&E) -> bool,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let limit = u64::from(app.config.sessions.failures_per_client);
    if limit == 0 {
        return work.await;
    }
    let rule = Rule {
        scope: format!("token:{}", network(address)),
        limit,
        window: WINDOW,
        name: "wrong codes and tokens from here",
    };
    if app.limits.spent(&rule).await >= limit {
        // Says how long it lasts.
        app.limits.spend(&rule).await?;
    }
    let outcome = work.await;
    if outcome.as_ref().is_err_and(is_unknown) {
        let _ = app.limits.spend(&rule).await;
    }
    outcome
}
