//! Which members of a body may go out.

use super::super::quirks::Quirks;
use crate::client::platform;
use crate::codec::Target;

/// Members that go out only where the catalogue says the endpoint takes them.
const GOVERNED: [&str; 20] = [
    "tools",
    "tool_choice",
    "response_format",
    "structured_outputs",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "top_a",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "seed",
    "stop",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "prediction",
    "verbosity",
    "web_search_options",
];

/// Members by which a request could cost more than what was reserved for it, or at another price: they go out
/// only where the catalogue accepts them by name.
const COSTLY: [&str; 13] = [
    "service_tier",
    "best_of",
    "use_beam_search",
    "max_new_tokens",
    "max_output_tokens",
    "min_tokens",
    "num_predict",
    "n_predict",
    "n_cmpl",
    "search_parameters",
    "enable_search",
    "web_search",
    "compound_custom",
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
        || is_disguised(name)
        // A header of Anthropic's alone.
        || name == "anthropic_beta"
        || (name == "cache_control" && !quirks.has("keep_cache_control"))
        || (quirks.denies("sampling_params") && SAMPLING.contains(&name))
        || (COSTLY.contains(&name) && !quirks.lists("accepts", name))
    {
        return false;
    }
    if GOVERNED.contains(&name) && !target.takes(name) {
        return name == "response_format" && target.takes("structured_outputs");
    }
    let is_named = || !target.supported_parameters.is_empty() && target.takes(name);
    !quirks.has("strict") || STANDARD.contains(&name) || quirks.lists("accepts", name) || is_named()
}

/// Whether a reader that does not tell case apart, as that of Go does, would take this for a member that has a
/// meaning: `MODEL` would then replace the model that is paid for. Such a reader folds some other letters, too.
fn is_disguised(name: &str) -> bool {
    let known = || [&STANDARD[..], &GOVERNED, &COSTLY, &SET_HERE, &platform::MEMBERS].concat();
    let is_plain = name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    !is_plain && (!name.is_ascii() || known().iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// Whether the endpoint knows a member, be it the client's or made here; the names are those before renaming.
pub(super) fn is_known(name: &str, quirks: Quirks<'_>) -> bool {
    let mut only = quirks.list("members").peekable();
    let is_listed = only.peek().is_none() || only.any(|known| known == name) || quirks.lists("accepts", name);
    is_listed && !quirks.lists("drop", name)
}
