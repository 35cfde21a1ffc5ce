//! What is for this platform alone.

/// Members that are for this platform and for no provider.
pub(crate) const MEMBERS: [&str; 18] = [
    "models",
    "provider",
    "route",
    "transforms",
    "plugins",
    "preset",
    "session_id",
    "trace",
    "usage",
    "debug",
    "stream_options",
    "stop_server_tools_when",
    "max_tool_calls",
    "include_reasoning",
    "reasoning",
    "prompt",
    "openrouter_metadata",
    "x_search_filter",
];
