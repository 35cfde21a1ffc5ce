//! Guardrails: what an organisation forbids its own keys and members.

use rpc::router::AccountPolicy;

/// All guardrails that apply to one key, as one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guardrails {
    pub(crate) policy: AccountPolicy,
}
