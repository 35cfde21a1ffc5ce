//! Guardrails: what an organisation forbids its own keys and members.

mod filters;

use rpc::router::AccountPolicy;

pub(crate) use filters::{BadPattern, BuiltinFilter, CustomFilter, FilterConfig, Filters};

/// All guardrails that apply to one key, as one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guardrails {
    pub(crate) policy: AccountPolicy,
    /// What is looked for in the content of requests.
    pub(crate) filters: Filters,
}
