//! What a request may hold.

use crate::strict::Shape::{self, Any, List, Members};

const CALL: Shape = Members(&[
    ("id", Any),
    ("type", Any),
    ("index", Any),
    ("function", Members(&[("name", Any), ("arguments", Any)])),
]);

const PART: Shape = Members(&[
    ("type", Any),
    ("text", Any),
    ("image_url", Any),
    ("document_url", Any),
    ("document_name", Any),
    ("input_audio", Any),
    ("file_id", Any),
    ("reference_ids", Any),
    ("thinking", Any),
    ("signature", Any),
    ("closed", Any),
]);

const MESSAGE: Shape = Members(&[
    ("role", Any),
    ("content", List(&PART)),
    ("tool_calls", List(&CALL)),
    ("tool_call_id", Any),
    ("name", Any),
    ("prefix", Any),
]);

const TOOL: Shape = Members(&[
    ("type", Any),
    ("function", Members(&[("name", Any), ("description", Any), ("parameters", Any), ("strict", Any)])),
]);

pub(super) const CHAT: Shape = Members(&[
    ("model", Any),
    ("messages", List(&MESSAGE)),
    ("temperature", Any),
    ("top_p", Any),
    ("max_tokens", Any),
    ("stream", Any),
    ("stop", Any),
    ("random_seed", Any),
    ("metadata", Any),
    ("response_format", Any),
    ("tools", List(&TOOL)),
    ("tool_choice", Any),
    ("presence_penalty", Any),
    ("frequency_penalty", Any),
    ("n", Any),
    ("prediction", Any),
    ("parallel_tool_calls", Any),
    ("prompt_mode", Any),
    ("reasoning_effort", Any),
    ("guardrails", Any),
    ("prompt_cache_key", Any),
    ("safe_prompt", Any),
    ("service_tier", Any),
    ("logprobs", Any),
    ("top_logprobs", Any),
]);

pub(super) const EMBEDDINGS: Shape = Members(&[
    ("model", Any),
    ("input", Any),
    ("metadata", Any),
    ("output_dimension", Any),
    ("output_dtype", Any),
    ("encoding_format", Any),
]);
