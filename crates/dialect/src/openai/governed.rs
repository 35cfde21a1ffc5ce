//! Which members of a client's body may go out: what is the same in all forms of this dialect.

/// Members that go out only where the catalogue says the endpoint takes them: how tokens are chosen.
pub(super) const SAMPLED: [&str; 11] = [
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "seed",
    "stop",
    "logit_bias",
    "logprobs",
];

/// Members by which a request could cost more than what was reserved for it, or at another price: they go out
/// only where the catalogue accepts them by name.
pub(super) const COSTLY: [&str; 23] = [
    "service_tier",
    // Limits and choices by the names they have elsewhere.
    "best_of",
    "use_beam_search",
    "num_beams",
    "max_new_tokens",
    "max_output_tokens",
    "max_tokens_to_sample",
    "max_gen_len",
    "max_length",
    "maxTokens",
    "min_tokens",
    "num_predict",
    "n_predict",
    "n_cmpl",
    "n_samples",
    "num_return_sequences",
    "candidateCount",
    // What may hold any of these.
    "extra_body",
    "parameters",
    // What searches or calls other models.
    "search_parameters",
    "enable_search",
    "web_search",
    "compound_custom",
];

/// Whether a reader that does not tell case apart, as that of Go does, would take this for one of the members
/// that have a meaning: `MODEL` would then replace the model that is paid for. Such a reader folds some other
/// letters, too.
pub(super) fn is_disguised(name: &str, known: &[&[&str]]) -> bool {
    let is_plain = name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    let mut known = known.iter().copied().flatten();
    !is_plain && (!name.is_ascii() || known.any(|known| known.eq_ignore_ascii_case(name)))
}
