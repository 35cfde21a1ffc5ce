//! How willingly an endpoint is tried.

use super::random::Random;
use crate::health::{Standing, State, Uptime, View};

/// Best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Stable,
    /// 80 to 94 % of the last five minutes went well.
    Degraded,
    /// A significant outage in the last 30 seconds, or under 80 % went well; also one that regains its share.
    Unstable,
    /// Asked to be left alone.
    Cooling,
    /// Ejected, or half open with the probe taken.
    Ejected,
}

impl Rank {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Degraded => "degraded",
            Self::Unstable => "unstable",
            Self::Cooling => "cooling",
            Self::Ejected => "ejected",
        }
    }

    /// The rank of an endpoint, and whether the next request to it is its probe. `random` is its own, so that
    /// health moves none but its own place.
    pub(super) fn of(standing: &Standing, health: View<'_>, random: &mut Random) -> (Self, bool) {
        match standing.state {
            State::Ejected { until_ms } if health.now_ms < until_ms => return (Self::Ejected, false),
            State::Ejected { .. } => {
                let is_due = health.probes && standing.next_probe_ms <= health.now_ms;
                return if is_due { (Self::Stable, true) } else { (Self::Ejected, false) };
            }
            State::Recovering { since_ms } if random.fraction() >= regained(since_ms, health) => {
                return (Self::Unstable, false);
            }
            State::Recovering { .. } | State::Closed => {}
        }
        let rank = match standing.uptime {
            _ if standing.cooling_until_ms > health.now_ms => Self::Cooling,
            // What it did before the probe no longer speaks against one that recovers.
            _ if standing.state != State::Closed => Self::Stable,
            _ if standing.outage => Self::Unstable,
            Uptime::Poor => Self::Unstable,
            Uptime::Degraded => Self::Degraded,
            Uptime::Good => Self::Stable,
        };
        (rank, false)
    }
}

/// The share of requests that a recovering endpoint may have again: a tenth at first, all in the end.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of a short span")]
fn regained(since_ms: u64, health: View<'_>) -> f64 {
    let share = health.now_ms.saturating_sub(since_ms) as f64 / health.regain_ms.max(1) as f64;
    share.max(0.1)
}
