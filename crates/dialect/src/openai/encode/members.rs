//! Which members of a body may go out.

use super::super::governed::{COSTLY, SAMPLED, is_disguised};
use super::super::quirks::Quirks;
use crate::client::platform;
use crate::codec::Target;

/// Members that go out, like [`SAMPLED`] ones, only where the catalogue says the endpoint takes them.
const GOVERNED: [&str; 9] = [
    "tools",
    "tool_choice",
    "response_format",
    "structured_outputs",
    "top_a",
    "top_logprobs",
    "prediction",
    "verbosity",
    "web_search_options",
];

/// What a strict endpoint of this dialect knows.
const STANDARD: [&str; 30] = [
    "model",
    "messages",
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "metadata",
    "modalities",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "response_format",
    "safety_identifier",
    "seed",
    "stop",
    "store",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];

/// Members that are written anew.
const SET_HERE: [&str; 5] = ["max_tokens", "max_completion_tokens", "reasoning_effort", "stream", "user"];

const SAMPLING: [&str; 8] = [
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "top_a",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
];

/// Whether a member of the client's may go out at all. Those that are set here do not.
pub(super) fn goes_out(name: &str, target: &Target<'_>, quirks: Quirks<'_>) -> bool {
    if platform::MEMBERS.contains(&name)
        || SET_HERE.contains(&name)
        || is_disguised(name, &[&STANDARD, &GOVERNED, &SAMPLED, &COSTLY, &SET_HERE, &platform::MEMBERS])
        // A header of Anthropic's alone.
        || name == "anthropic_beta"
        || (name == "cache_control" && !quirks.has("keep_cache_control"))
        || (quirks.denies("sampling_params") && SAMPLING.contains(&name))
        || (COSTLY.contains(&name) && !quirks.lists("accepts", name))
    {
        return false;
    }
    if (GOVERNED.contains(&name) || SAMPLED.contains(&name)) && !target.takes(name) {
        return name == "response_format" && target.takes("structured_outputs");
    }
    let is_named = || !target.supported_parameters.is_empty() && target.takes(name);
    !quirks.has("strict") || STANDARD.contains(&name) || quirks.lists("accepts", name) || is_named()
}

/// Whether the endpoint knows a member, be it the client's or made here; the names are those before renaming.
pub(super) fn is_known(name: &str, quirks: Quirks<'_>) -> bool {
    let mut only = quirks.list("members").peekable();
    let is_listed = only.peek().is_none() || only.any(|known| known == name) || quirks.lists("accepts", name);
    is_listed && !quirks.lists("drop", name)
}
