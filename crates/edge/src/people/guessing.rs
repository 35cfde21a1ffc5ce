//! Codes and tokens that nobody gave out, shown from one client's address again and again.

use std::net::IpAddr;

use super::sign_in::WINDOW;
use crate::limits::{Exceeded, Rule};
use crate::service::App;

/// Does what somebody who is not signed in asks for by a code or a token, unless too many of those shown from this
/// address were not in force. `is_unknown` tells which failures are such.
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
        scope: format!("token:{address}"),
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
