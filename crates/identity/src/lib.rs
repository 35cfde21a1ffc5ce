//! Typed ids, API keys, service tokens' claims, sealed secrets: pure.
