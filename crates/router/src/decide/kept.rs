//! The stored form of a decision: protobuf, so that later versions may add to it and numbers stay exact.

use std::collections::HashMap;

use prost::Message;
use rpc::Fault;
use rpc::router::PlanResponse;
use uuid::Uuid;

use crate::TimeoutConfig;
use crate::choose::Held;
use crate::health::{Key, Quantiles, Standing, Standings, State, Uptime};

/// What the router added to a request.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Inputs {
    #[prost(uint64, tag = "1")]
    pub(super) now_ms: u64,
    #[prost(uint64, tag = "2")]
    pub(super) regain_ms: u64,
    #[prost(bool, tag = "3")]
    pub(super) probes: bool,
    #[prost(message, optional, tag = "4")]
    held: Option<KeptKey>,
    /// The rules, as JSON.
    #[prost(string, tag = "5")]
    pub(super) rules: String,
    /// Of what was considered; what is absent stood as nobody had seen it.
    #[prost(message, repeated, tag = "6")]
    standings: Vec<KeptStanding>,
    /// Connect, first token, stall, total: what attempts carry where the catalogue says nothing.
    #[prost(uint32, repeated, tag = "7")]
    timeouts: Vec<u32>,
}

#[derive(Clone, PartialEq, Message)]
struct KeptKey {
    /// 16 bytes each; empty = the nil UUID.
    #[prost(bytes = "vec", tag = "1")]
    endpoint: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    credential: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct KeptStanding {
    #[prost(message, optional, tag = "1")]
    key: Option<KeptKey>,
    #[prost(uint64, optional, tag = "2")]
    ejected_until_ms: Option<u64>,
    #[prost(uint64, optional, tag = "3")]
    recovering_since_ms: Option<u64>,
    #[prost(uint64, tag = "4")]
    next_probe_ms: u64,
    #[prost(uint64, tag = "5")]
    cooling_until_ms: u64,
    #[prost(bool, tag = "6")]
    outage: bool,
    /// 0 good, 1 degraded, 2 poor.
    #[prost(uint32, tag = "7")]
    uptime: u32,
    #[prost(double, tag = "8")]
    latency_ms: f64,
    #[prost(double, tag = "9")]
    throughput: f64,
    /// 50, 75, 90 and 99 %; empty = too little data.
    #[prost(float, repeated, tag = "10")]
    latency: Vec<f32>,
    #[prost(float, repeated, tag = "11")]
    throughput_at: Vec<f32>,
    #[prost(uint32, tag = "12")]
    tool_requests: u32,
    #[prost(float, tag = "13")]
    tool_error_rate: f32,
    #[prost(uint32, tag = "14")]
    requests_30m: u32,
}

impl Inputs {
    pub(super) fn new(
        (now_ms, regain_ms, probes): (u64, u64, bool),
        held: Option<Held>,
        rules: String,
        standings: impl IntoIterator<Item = (Key, Standing)>,
        timeouts: TimeoutConfig,
    ) -> Self {
        let TimeoutConfig { connect_ms, first_token_ms, stall_ms, total_ms } = timeouts;
        Self {
            now_ms,
            regain_ms,
            probes,
            held: held.map(|held| key_out(Key { endpoint: held.endpoint, credential: held.credential })),
            rules,
            standings: standings.into_iter().map(|(key, standing)| standing_out(key, standing)).collect(),
            timeouts: vec![connect_ms, first_token_ms, stall_ms, total_ms],
        }
    }

    pub(super) fn held(&self) -> Option<Held> {
        let key = key_in(self.held.as_ref()?);
        Some(Held { endpoint: key.endpoint, credential: key.credential })
    }

    pub(super) fn standings(&self) -> Standings {
        let read = |kept: &KeptStanding| Some((key_in(kept.key.as_ref()?), standing_in(kept)));
        self.standings.iter().filter_map(read).collect::<HashMap<_, _>>()
    }

    pub(super) fn timeouts(&self) -> TimeoutConfig {
        match *self.timeouts.as_slice() {
            [connect_ms, first_token_ms, stall_ms, total_ms] => {
                TimeoutConfig { connect_ms, first_token_ms, stall_ms, total_ms }
            }
            _ => TimeoutConfig::default(),
        }
    }
}

fn id_out(id: Uuid) -> Vec<u8> {
    if id.is_nil() { Vec::new() } else { id.as_bytes().to_vec() }
}

/// The nil UUID for what is none.
pub(super) fn id_in(bytes: &[u8]) -> Uuid {
    Uuid::from_slice(bytes).unwrap_or_default()
}

fn key_out(key: Key) -> KeptKey {
    KeptKey { endpoint: id_out(key.endpoint), credential: id_out(key.credential) }
}

fn key_in(kept: &KeptKey) -> Key {
    Key { endpoint: id_in(&kept.endpoint), credential: id_in(&kept.credential) }
}

// Both directions name every member: whoever adds one is told here that it must be kept.

fn standing_out(key: Key, standing: Standing) -> KeptStanding {
    let Standing {
        state,
        next_probe_ms,
        cooling_until_ms,
        outage,
        uptime,
        latency_ms,
        throughput,
        latency,
        throughput_at,
        tool_requests,
        tool_error_rate,
        requests_30m,
    } = standing;
    let (ejected_until_ms, recovering_since_ms) = match state {
        State::Closed => (None, None),
        State::Ejected { until_ms } => (Some(until_ms), None),
        State::Recovering { since_ms } => (None, Some(since_ms)),
    };
    KeptStanding {
        key: Some(key_out(key)),
        ejected_until_ms,
        recovering_since_ms,
        next_probe_ms,
        cooling_until_ms,
        outage,
        uptime: match uptime {
            Uptime::Good => 0,
            Uptime::Degraded => 1,
            Uptime::Poor => 2,
        },
        latency_ms,
        throughput,
        latency: quantiles_out(latency),
        throughput_at: quantiles_out(throughput_at),
        tool_requests,
        tool_error_rate,
        requests_30m,
    }
}

fn standing_in(kept: &KeptStanding) -> Standing {
    let state = match (kept.ejected_until_ms, kept.recovering_since_ms) {
        (Some(until_ms), _) => State::Ejected { until_ms },
        (None, Some(since_ms)) => State::Recovering { since_ms },
        (None, None) => State::Closed,
    };
    Standing {
        state,
        next_probe_ms: kept.next_probe_ms,
        cooling_until_ms: kept.cooling_until_ms,
        outage: kept.outage,
        uptime: match kept.uptime {
            0 => Uptime::Good,
            1 => Uptime::Degraded,
            _ => Uptime::Poor,
        },
        latency_ms: kept.latency_ms,
        throughput: kept.throughput,
        latency: quantiles_in(&kept.latency),
        throughput_at: quantiles_in(&kept.throughput_at),
        tool_requests: kept.tool_requests,
        tool_error_rate: kept.tool_error_rate,
        requests_30m: kept.requests_30m,
    }
}

fn quantiles_out(quantiles: Option<Quantiles>) -> Vec<f32> {
    quantiles.map_or_else(Vec::new, |Quantiles { p50, p75, p90, p99 }| vec![p50, p75, p90, p99])
}

fn quantiles_in(kept: &[f32]) -> Option<Quantiles> {
    let [p50, p75, p90, p99] = *kept else { return None };
    Some(Quantiles { p50, p75, p90, p99 })
}

/// What came of a decision.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Outcome {
    #[prost(message, repeated, tag = "1")]
    pub(super) attempts: Vec<KeptAttempt>,
    #[prost(string, tag = "2")]
    pub(super) order: String,
    #[prost(string, tag = "3")]
    pub(super) strategy: String,
    #[prost(string, tag = "4")]
    pub(super) name: String,
    /// Instead of all of these: why there was no plan.
    #[prost(message, optional, tag = "5")]
    pub(super) fault: Option<KeptFault>,
    /// A fingerprint of the whole answer without secrets: 16 bytes; empty = it could not be made again.
    #[prost(bytes = "vec", tag = "6")]
    pub(super) fingerprint: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct KeptAttempt {
    /// 16 bytes each.
    #[prost(bytes = "vec", tag = "1")]
    pub(super) endpoint: Vec<u8>,
    /// Empty = none needed.
    #[prost(bytes = "vec", tag = "2")]
    pub(super) credential: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) price: Vec<u8>,
    #[prost(bool, tag = "4")]
    pub(super) probe: bool,
    #[prost(bool, tag = "5")]
    pub(super) is_byok: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct KeptFault {
    #[prost(uint32, tag = "1")]
    pub(super) status: u32,
    #[prost(string, tag = "2")]
    pub(super) error_type: String,
    #[prost(string, tag = "3")]
    pub(super) message: String,
    #[prost(string, optional, tag = "4")]
    pub(super) availability: Option<String>,
}

/// What fingerprints are of.
const FINGERPRINT: Uuid = Uuid::from_u128(0x7061_7463_6862_6179_2070_6c61_6e73_2e2e);

impl Outcome {
    /// Of an answer that was given, or given again.
    pub(super) fn of(answer: Result<&PlanResponse, &Fault>) -> Self {
        let response = match answer {
            Err(fault) => return Self::refused(fault),
            Ok(response) => response,
        };
        let id = |text: &str| id_out(text.parse().unwrap_or_default());
        let attempt = |attempt: &rpc::router::Attempt| KeptAttempt {
            endpoint: id(&attempt.endpoint_id),
            credential: id(&attempt.credential_id),
            price: attempt.price.as_ref().map_or_else(Vec::new, |price| id(&price.id)),
            probe: attempt.probe,
            is_byok: attempt.is_byok,
        };
        Self {
            attempts: response.attempts.iter().map(attempt).collect(),
            order: response.order.clone(),
            strategy: response.strategy.clone(),
            name: response.name.clone(),
            fault: None,
            fingerprint: fingerprint(response.clone()),
        }
    }

    fn refused(fault: &Fault) -> Self {
        let kept = KeptFault {
            status: fault.status.into(),
            error_type: fault.error_type.clone(),
            message: fault.message.clone(),
            availability: fault.availability.clone(),
        };
        let fingerprint = Uuid::new_v5(&FINGERPRINT, &kept.encode_to_vec());
        Self { fault: Some(kept), fingerprint: id_out(fingerprint), ..Self::default() }
    }

    /// The code of a refusal.
    pub(super) fn code(&self) -> Option<String> {
        let fault = self.fault.as_ref()?;
        let availability = fault.availability.as_deref().and_then(|json| serde_json::from_str(json).ok());
        let code = availability.as_ref().and_then(|value: &serde_json::Value| value.get("code")?.as_str());
        Some(code.unwrap_or(&fault.error_type).to_owned())
    }
}

/// Of all that executing a plan goes by. What is only told, and what only its owner may see, takes no part.
fn fingerprint(mut response: PlanResponse) -> Vec<u8> {
    response.exclusions.clear();
    response.metadata_json.clear();
    response.explanation_json.clear();
    for attempt in &mut response.attempts {
        attempt.sealed_credential.clear();
    }
    id_out(Uuid::new_v5(&FINGERPRINT, &response.encode_to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_survives_to_the_last_bit() {
        let key = Key { endpoint: Uuid::from_u128(1), credential: Uuid::nil() };
        let quantiles = Quantiles { p50: 0.1, p75: 1.0 / 3.0, p90: 7.7, p99: 1e9 };
        for state in [
            State::Closed,
            State::Ejected { until_ms: 7 },
            State::Recovering { since_ms: 8 },
            State::Ejected { until_ms: 0 },
        ] {
            let standing = Standing {
                state,
                next_probe_ms: 1,
                cooling_until_ms: 2,
                outage: true,
                uptime: Uptime::Poor,
                latency_ms: 0.1 + 0.2,
                throughput: 1.0 / 3.0,
                latency: Some(quantiles),
                throughput_at: None,
                tool_requests: 3,
                tool_error_rate: 0.1,
                requests_30m: 4,
            };
            let inputs =
                Inputs::new((1, 2, true), None, String::new(), [(key, standing)], TimeoutConfig::default());
            let read = Inputs::decode(inputs.encode_to_vec().as_slice()).unwrap();
            assert_eq!(read.standings(), Standings::from([(key, standing)]));
        }
    }
}
