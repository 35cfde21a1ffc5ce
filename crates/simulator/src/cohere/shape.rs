//! What requests may hold.

use crate::strict::Shape::{self, Any, List, Members};

const PART: Shape = Members(&[
    ("type", Any),
    ("text", Any),
    ("thinking", Any),
    ("image_url", Members(&[("url", Any), ("detail", Any)])),
    ("document", Members(&[("id", Any), ("data", Any)])),
]);

const MESSAGE: Shape = Members(&[
    ("role", Any),
    ("content", List(&PART)),
    (
        "tool_calls",
        List(&Members(&[
            ("id", Any),
            ("type", Any),
            ("function", Members(&[("name", Any), ("arguments", Any)])),
        ])),
    ),
    ("tool_call_id", Any),
    ("tool_plan", Any),
    ("citations", Any),
]);

const TOOL: Shape = Members(&[
    ("type", Any),
    ("function", Members(&[("name", Any), ("description", Any), ("parameters", Any)])),
]);

pub(super) const CHAT: Shape = Members(&[
    ("model", Any),
    ("messages", List(&MESSAGE)),
    ("stream", Any),
    ("tools", List(&TOOL)),
    ("strict_tools", Any),
    ("documents", List(&Members(&[("id", Any), ("data", Any)]))),
    ("citation_options", Members(&[("mode", Any)])),
    ("response_format", Members(&[("type", Any), ("schema", Any), ("json_schema", Any)])),
    ("safety_mode", Any),
    ("max_tokens", Any),
    ("stop_sequences", Any),
    ("temperature", Any),
    ("seed", Any),
    ("frequency_penalty", Any),
    ("presence_penalty", Any),
    ("k", Any),
    ("p", Any),
    ("logprobs", Any),
    ("tool_choice", Any),
    ("thinking", Members(&[("type", Any), ("token_budget", Any)])),
    ("priority", Any),
    ("raw_prompting", Any),
]);

pub(super) const EMBED: Shape = Members(&[
    ("model", Any),
    ("input_type", Any),
    ("texts", Any),
    ("images", Any),
    ("inputs", Any),
    ("max_tokens", Any),
    ("output_dimension", Any),
    ("embedding_types", Any),
    ("truncate", Any),
    ("priority", Any),
]);

pub(super) const RERANK: Shape = Members(&[
    ("model", Any),
    ("query", Any),
    ("documents", Any),
    ("top_n", Any),
    ("max_tokens_per_doc", Any),
    ("max_chunks_per_doc", Any),
    ("return_documents", Any),
    ("rank_fields", Any),
    ("priority", Any),
]);
