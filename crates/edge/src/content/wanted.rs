//! Whether an exchange is kept, and for whom.

use identity::{GenerationId, KeyHash};
use sha2::{Digest as _, Sha256};

use super::trace;
use crate::auth::Governance;
use crate::destinations;
use crate::execution::Request;
use crate::flags::Flag;

/// That a key's workspace keeps what the key's requests say and are answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Logging {
    /// The share of requests that are kept, 0 to 1.
    pub(crate) sampling_rate: f64,
}

/// Who wants the content of an exchange.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) logging: Option<Logging>,
    /// For a moment, until it was handed on.
    pub(crate) for_destinations: bool,
    /// What the request says of its trace, for as long.
    pub(crate) trace: bool,
}

/// What is wanted of one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Keeping {
    /// For the organisation itself, not only to be handed on.
    pub(super) is_logged: bool,
    /// What was said and answered, not only what the request says of its trace.
    pub(super) content: bool,
}

/// Who wants the content of a request and its answer.
pub(crate) fn wanted(request: &Request) -> Wanted {
    let Governance { logging, destinations, flags, .. } = &request.caller.governance;
    let generation = request.generation.uuid().to_string();
    let (any, content) = destinations::wanted(destinations, &request.session_id, &generation);
    let trace = any && trace::is_said(&request.body);
    if !flags.has(Flag::ContentLogging) {
        return Wanted { trace, ..Wanted::default() };
    }
    Wanted { logging: *logging, for_destinations: content, trace }
}

impl Wanted {
    /// What is to be kept of a generation.
    pub(super) fn of(self, generation: GenerationId) -> Option<Keeping> {
        let is_logged = self.logging.is_some_and(|logging| logging.samples(generation));
        let content = is_logged || self.for_destinations;
        (content || self.trace).then_some(Keeping { is_logged, content })
    }
}

impl Logging {
    /// Whether a generation is among those that are kept: the same answer wherever and whenever it is asked.
    fn samples(self, generation: GenerationId) -> bool {
        let digest = Sha256::digest(generation.uuid().as_bytes());
        let first = digest.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        f64::from(first) < self.sampling_rate * f64::from(u32::MAX) || self.sampling_rate >= 1.0
    }
}

/// The number that a key goes by in a workspace's `io_logging_api_key_ids`: the first 12 hexadecimal digits of its hash,
/// which every client's numbers can hold.
pub(crate) fn number(key: KeyHash) -> i64 {
    key.0.iter().take(6).fold(0, |number, byte| (number << 8) | i64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_generations_is_sampled_always_the_same_ones() {
        let all: Vec<GenerationId> =
            (0..10_000_u128).map(|n| GenerationId::from_uuid(uuid::Uuid::from_u128(n))).collect();
        let sampled = |rate: f64| -> Vec<GenerationId> {
            let logging = Logging { sampling_rate: rate };
            all.iter().copied().filter(|id| logging.samples(*id)).collect()
        };
        assert_eq!(sampled(1.0).len(), all.len());
        let tenth = sampled(0.1);
        assert!((900..1_100).contains(&tenth.len()), "{}", tenth.len());
        assert_eq!(tenth, sampled(0.1));
        // Who samples more keeps what was kept before.
        let half = sampled(0.5);
        assert!(tenth.iter().all(|id| half.contains(id)));
    }

    #[test]
    fn a_keys_number_is_the_beginning_of_its_hash() {
        let hash = KeyHash::of("a key");
        assert_eq!(format!("{:012x}", number(hash)), hash.to_string()[..12]);
    }

    #[test]
    fn nothing_is_kept_that_nobody_wants() {
        let generation = GenerationId::generate();
        assert_eq!(Wanted::default().of(generation), None);
        let handed_on = Wanted { for_destinations: true, ..Wanted::default() };
        assert_eq!(handed_on.of(generation), Some(Keeping { is_logged: false, content: true }));
        let logged = Wanted { logging: Some(Logging { sampling_rate: 1.0 }), ..handed_on };
        assert_eq!(logged.of(generation), Some(Keeping { is_logged: true, content: true }));
        let traced = Wanted { trace: true, ..Wanted::default() };
        assert_eq!(traced.of(generation), Some(Keeping { is_logged: false, content: false }));
    }
}
