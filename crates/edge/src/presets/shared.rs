//! Which members a preset holds, and which dialects know them by the same name and with the same meaning.

use dialect::client::Dialect;

/// The name in chat, then whether Responses and Messages have it, too. Members of content and of identity, and
/// those that say how an answer is delivered, are a request's own.
const MEMBERS: [(&str, bool, bool); 37] = [
    ("model", true, true),
    ("models", true, true),
    ("provider", true, true),
    ("route", true, true),
    ("plugins", true, true),
    ("transforms", true, true),
    ("service_tier", true, true),
    ("temperature", true, true),
    ("top_p", true, true),
    ("top_k", true, true),
    ("min_p", true, false),
    ("top_a", true, false),
    ("frequency_penalty", true, false),
    ("presence_penalty", true, false),
    ("repetition_penalty", true, false),
    ("seed", true, false),
    ("stop", true, false),
    ("max_tokens", false, true),
    ("n", false, false),
    ("logit_bias", true, false),
    ("logprobs", false, false),
    ("top_logprobs", false, false),
    ("response_format", false, false),
    ("structured_outputs", true, false),
    ("verbosity", false, false),
    ("tools", false, false),
    ("tool_choice", false, false),
    ("parallel_tool_calls", true, false),
    ("stop_server_tools_when", true, true),
    ("max_tool_calls", true, true),
    ("reasoning", true, false),
    ("include_reasoning", true, false),
    ("modalities", true, false),
    ("image_config", true, false),
    ("audio", false, false),
    ("web_search_options", false, false),
    ("cache_control", true, true),
];
/// What a preset says of the cache of answers; no member of any request.
pub(super) const CACHING: [&str; 2] = ["cache_enabled", "cache_ttl_seconds"];

/// Whether a preset holds this member of a chat request.
pub(super) fn is_held(name: &str) -> bool {
    CACHING.contains(&name) || MEMBERS.iter().any(|(known, ..)| *known == name)
}

/// Whether a dialect has this member of chat by the same name.
pub(super) fn is_same(dialect: Dialect, name: &str) -> bool {
    let known = MEMBERS.iter().find(|(known, ..)| *known == name);
    known.is_some_and(|(_, in_responses, in_messages)| match dialect {
        Dialect::Responses => *in_responses,
        Dialect::Messages => *in_messages,
        _ => true,
    })
}
