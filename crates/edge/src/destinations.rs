//! Where organisations have traces of their generations sent.
//!
//! - [`config`]: how a destination is reached, what of that is secret, and how it is changed.
//! - [`filter`]: which generations a destination is for.
//! - [`span`]: a generation as a span of OpenTelemetry's.
//! - [`send`]: requests to places that tenants name, and what they say.
//! - [`collect`]: settled usage queued for whoever wants it.
//! - [`deliver`]: what is queued sent, until it is there or given up; [`watch`]: how much of it there is.

mod collect;
mod config;
mod deliver;
mod filter;
mod object;
mod send;
mod span;
mod watch;

use std::sync::Arc;

use identity::KeyWrapper;
use lifecycle::Tasks;
use rpc::Channel;
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;

pub(crate) use config::{Configuration, Kind};
pub(crate) use filter::Rules as FilterRules;
pub(crate) use send::Sender;

use crate::config::DestinationsConfig;
use crate::metrics::Metrics;

/// What a destination wants of a key's generations.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wants {
    pub(crate) sampling_rate: f64,
    /// What was sent and came back too.
    pub(crate) content: bool,
}

/// Whether a generation goes to any of these, and whether any of those wants what was sent and came back.
pub(crate) fn wanted(all: &[Wants], session: &str, generation: &str) -> (bool, bool) {
    let sampled = |wants: &&Wants| place(session, generation) < wants.sampling_rate;
    (all.iter().any(|wants| sampled(&wants)), all.iter().filter(sampled).any(|wants| wants.content))
}

/// What the work in the background needs.
#[derive(Clone)]
pub(crate) struct Outbox {
    pub(crate) pool: PgPool,
    pub(crate) billing: Channel,
    pub(crate) wrapper: Arc<dyn KeyWrapper>,
    pub(crate) sender: Sender,
    pub(crate) config: DestinationsConfig,
    pub(crate) metrics: Metrics,
}

/// Queues and sends until the stop begins.
pub(crate) fn run(tasks: &Tasks, outbox: &Outbox) {
    collect::run(tasks, outbox.clone());
    deliver::run(tasks, outbox.clone());
    watch::run(tasks, outbox.clone());
}

/// Where a session lies from 0 to below 1, always the same; a generation without one is its own.
pub(crate) fn place(session: &str, generation: &str) -> f64 {
    let named = if session.is_empty() { generation } else { session };
    let digest = Sha256::digest(named.as_bytes());
    let bytes = digest.first_chunk::<4>().copied().unwrap_or_default();
    f64::from(u32::from_be_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_keeps_its_place_and_places_are_spread() {
        assert!((place("s", "a") - place("s", "b")).abs() < f64::EPSILON);
        assert!((place("", "a") - place("", "b")).abs() > f64::EPSILON);
        let below = (0..1_000).filter(|n| place("", &n.to_string()) < 0.25).count();
        assert!((200..300).contains(&below), "{below}");
    }
}
