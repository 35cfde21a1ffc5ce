//! Guardrails: what an organisation forbids its own keys and members.

pub(crate) mod filters;

use rpc::router::AccountPolicy;

use filters::Filters;

/// All guardrails that apply to one key, as one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guardrails {
    pub(crate) policy: AccountPolicy,
    /// What is looked for in the content of requests.
    pub(crate) filters: Filters,
}
