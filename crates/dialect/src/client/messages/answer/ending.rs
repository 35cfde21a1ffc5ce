//! How an answer ended, and what it used.

use pricing::{Class, OutOfRange};
use serde::Serialize;
use serde_json::{Map, Number, Value, json};

use crate::canonical::{Event, FinishReason};
use crate::client::{Bill, tier};

/// Reasons that Anthropic gives and that mean a plain stop to everybody else.
const STOPS: [&str; 3] = ["stop_sequence", "pause_turn", "compaction"];

/// Members of Anthropic's usage that say nothing of tokens to pay for.
const OWN_USAGE: [&str; 4] = ["server_tool_use", "inference_geo", "speed", "iterations"];

/// Everything that is said at the end.
#[derive(Debug, Default)]
pub(super) struct Ending {
    finish: Option<(FinishReason, String)>,
    service_tier: Option<String>,
    /// The calls that began.
    calls: Vec<u32>,
    has_refused: bool,
    /// The sequences at which the model was to stop, and the one at which it did, where its provider tells.
    stops: Vec<String>,
    stopped_at: Option<String>,
    /// The end of the message as Anthropic said it.
    native: Map<String, Value>,
    /// What the provider has counted so far.
    pub(super) counted: pricing::Usage,
}

impl Ending {
    /// `service_tier`: as asked of the provider.
    pub(super) fn new(stops: Vec<String>, service_tier: Option<String>) -> Self {
        Self { stops, service_tier, ..Self::default() }
    }

    pub(super) fn event(&mut self, event: Event) {
        match event {
            Event::Finish { choice: 0, reason, native } => self.finish = Some((reason, native)),
            Event::ServiceTier(tier) => self.service_tier = Some(tier),
            Event::Usage(usage) => self.counted = usage,
            Event::ChoiceExtra { choice: 0, members } => self.stopped_at = self.stop_in(&members),
            // The rest has no place in this dialect.
            _ => {}
        }
    }

    /// The sequence that the model stopped at, as servers such as vLLM name it beside the finish.
    fn stop_in(&mut self, members: &Map<String, Value>) -> Option<String> {
        let named = ["stop_reason", "matched_stop"].into_iter().find_map(|name| members.get(name)?.as_str());
        let known = named.and_then(|named| self.stops.iter().find(|stop| *stop == named));
        known.cloned().or(self.stopped_at.take())
    }

    /// Takes note of a call; `false` when it has ended before.
    pub(super) fn begin_call(&mut self, index: u32) -> bool {
        let is_new = !self.calls.contains(&index);
        if is_new {
            self.calls.push(index);
        }
        is_new
    }

    /// Takes note of a refusal. Whether its words are text of the answer: Anthropic's are told in
    /// `stop_details`.
    pub(super) fn take_refusal(&mut self) -> bool {
        self.has_refused = true;
        self.own("stop_details").is_null()
    }

    pub(super) fn take_native(&mut self, native: Map<String, Value>) {
        self.native = native;
    }

    /// A member of the end's `delta`.
    fn own(&self, name: &str) -> Value {
        self.native.get("delta").and_then(|delta| delta.get(name)).cloned().unwrap_or_default()
    }

    pub(super) fn stop_reason(&self) -> &'static str {
        let (reason, native) = match &self.finish {
            Some((reason, native)) => (*reason, native.as_str()),
            None => (FinishReason::Stop, ""),
        };
        match reason {
            FinishReason::ToolCalls => "tool_use",
            FinishReason::Length if native == "model_context_window_exceeded" => {
                "model_context_window_exceeded"
            }
            FinishReason::Length => "max_tokens",
            FinishReason::ContentFilter | FinishReason::Error => "refusal",
            FinishReason::Stop if self.has_refused => "refusal",
            FinishReason::Stop if self.stopped_at.is_some() => "stop_sequence",
            FinishReason::Stop => {
                let own = STOPS.into_iter().find(|own| native.eq_ignore_ascii_case(own));
                own.unwrap_or(if self.calls.is_empty() { "end_turn" } else { "tool_use" })
            }
        }
    }

    /// The members that tell how the answer ended. There is no word for an answer that its provider broke off
    /// with an error of the model's; it is a refusal that says so.
    pub(super) fn delta(&self) -> Value {
        let details = match (self.own("stop_details"), &self.finish) {
            (Value::Null, Some((FinishReason::Error, native))) => json!({
                "type": "refusal",
                "category": null,
                "explanation": format!("The provider ended the answer with an error: {native}"),
            }),
            (details, _) => details,
        };
        let stop_sequence = match (self.own("stop_sequence"), &self.stopped_at) {
            (Value::Null, Some(stop)) => json!(stop),
            (own, _) => own,
        };
        json!({
            "container": self.own("container"),
            "stop_details": details,
            "stop_reason": self.stop_reason(),
            "stop_sequence": stop_sequence,
        })
    }

    /// What became of the context, where Anthropic was asked to manage it.
    pub(super) fn context_management(&self) -> Option<&Value> {
        self.native.get("context_management").filter(|edits| !edits.is_null())
    }

    pub(super) fn usage<'a>(&'a self, usage: &pricing::Usage, bill: Option<&Bill>) -> UsageBody<'a> {
        let sum = |tokens: Result<u64, OutOfRange>| tokens.unwrap_or(u64::MAX);
        let (read, short, long) =
            (usage.get(Class::CacheRead), usage.get(Class::CacheWrite5m), usage.get(Class::CacheWrite1h));
        let written = short.saturating_add(long);
        let cached = read.saturating_add(written);
        let thinking = usage.get(Class::Reasoning);
        let own = |name: &'static str| {
            let usage = self.native.get("usage").and_then(|usage| usage.get(name));
            usage.filter(|value| !value.is_null())
        };
        UsageBody {
            input_tokens: sum(usage.prompt_tokens()).saturating_sub(cached),
            cache_creation_input_tokens: written,
            cache_read_input_tokens: read,
            cache_creation: CacheCreation {
                ephemeral_1h_input_tokens: long,
                ephemeral_5m_input_tokens: short,
            },
            output_tokens: sum(usage.completion_tokens()),
            output_tokens_details: (thinking > 0).then_some(OutputDetails { thinking_tokens: thinking }),
            service_tier: self.service_tier.as_deref().map(|tier| match tier::public(tier) {
                tier @ ("priority" | "flex" | "batch") => tier,
                // Whatever other providers call the tier of those who pay no more and no less.
                _ => "standard",
            }),
            server_tool_use: own(OWN_USAGE[0]),
            inference_geo: own(OWN_USAGE[1]),
            speed: own(OWN_USAGE[2]),
            iterations: own(OWN_USAGE[3]),
            cost: bill.map(CostBody::of),
        }
    }
}

/// `input_tokens` are without the cached ones.
#[derive(Serialize)]
pub(super) struct UsageBody<'a> {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    cache_creation: CacheCreation,
    output_tokens: u64,
    output_tokens_details: Option<OutputDetails>,
    server_tool_use: Option<&'a Value>,
    service_tier: Option<&'a str>,
    inference_geo: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iterations: Option<&'a Value>,
    #[serde(flatten)]
    cost: Option<CostBody>,
}

#[derive(Serialize)]
struct CacheCreation {
    ephemeral_1h_input_tokens: u64,
    ephemeral_5m_input_tokens: u64,
}

#[derive(Serialize)]
struct OutputDetails {
    thinking_tokens: u64,
}

#[derive(Serialize)]
struct CostBody {
    cost: Number,
    is_byok: bool,
    cost_details: CostDetails,
}

#[derive(Serialize)]
struct CostDetails {
    upstream_inference_cost: Number,
    upstream_inference_prompt_cost: Number,
    upstream_inference_completions_cost: Number,
}

impl CostBody {
    fn of(bill: &Bill) -> Self {
        Self {
            cost: bill.cost.to_json_number(),
            is_byok: bill.is_byok,
            cost_details: CostDetails {
                upstream_inference_cost: bill.upstream.to_json_number(),
                upstream_inference_prompt_cost: bill.upstream_prompt.to_json_number(),
                upstream_inference_completions_cost: bill.upstream_completion.to_json_number(),
            },
        }
    }
}
