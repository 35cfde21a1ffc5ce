//! What a request may hold.

use crate::strict::Shape::{self, Any, List, Members};

pub(super) const MESSAGES: Shape = Members(&[
    ("model", Any),
    ("messages", List(&Members(&[("role", Any), ("content", Any)]))),
    ("max_tokens", Any),
    ("system", Any),
    ("metadata", Any),
    ("stop_sequences", Any),
    ("stream", Any),
    ("temperature", Any),
    ("top_k", Any),
    ("top_p", Any),
    ("tools", Any),
    ("tool_choice", Any),
    ("thinking", Any),
    ("cache_control", Any),
    ("container", Any),
    ("context_management", Any),
    ("inference_geo", Any),
    ("mcp_servers", Any),
    ("output_config", Any),
    ("output_format", Any),
    ("service_tier", Any),
    ("speed", Any),
    // In the envelopes of those who resell.
    ("anthropic_version", Any),
    ("anthropic_beta", Any),
]);
