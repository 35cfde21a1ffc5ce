//! Passwords, codes and tokens that are not right, shown again and again: counted by network first, so that whoever
//! guesses is held up, and not whoever is guessed at.

use std::net::IpAddr;
use std::time::Duration;

use identity::KeyHash;

use super::{Client, Email, Error};
use crate::http::address::network;
use crate::limits::{Exceeded, Rule};
use crate::service::App;

/// In which failures are counted.
const WINDOW: Duration = Duration::from_secs(15 * 60);
const MINUTE: Duration = Duration::from_secs(60);

/// Tries to show the password of one account from one network.
pub(super) struct Tries<'a> {
    app: &'a App,
    /// That account from that network, that network, and that account from anywhere. A limit of 0 is none.
    rules: [Rule; 3],
}

impl<'a> Tries<'a> {
    /// `hash` is the password's, as it is kept; `None` for nobody. What failed is counted against it, so that a new
    /// password begins with no failures, on every edge.
    pub(super) fn of(app: &'a App, email: &Email, hash: Option<&str>, client: &Client) -> Self {
        let config = &app.config.sessions;
        let account = KeyHash::of(&format!("{} {}", email.as_str(), hash.unwrap_or_default()));
        let network = client.network();
        let rule = |scope, limit: u32, window, name| Rule { scope, limit: limit.into(), window, name };
        let rules = [
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
            // Guessing from many places is slowed; its owner waits for seconds at most.
            rule(
                format!("sign-in:{account}"),
                config.failures_per_email_everywhere,
                MINUTE,
                "failed sign-ins of this address",
            ),
        ];
        Self { app, rules }
    }

    fn limits(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| rule.limit > 0)
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
        let [here, ..] = &self.rules;
        self.app.limits.forgive(here).await;
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
