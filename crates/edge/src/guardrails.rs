//! Guardrails: what an organisation forbids its own keys and members.
//!
//! Those of a key are the organisation's policy, its workspace's default, its member's and its own: [`combine()`]
//! makes them one. The router enforces the [`Rules`] about models, providers and data, billing the budgets, and the
//! edge itself the content filters.

mod combine;
pub(crate) mod filters;
mod rules;

use rpc::router::AccountPolicy;
use uuid::Uuid;

pub(crate) use combine::{Applied, Scope, combine};
pub(crate) use filters::{BadPattern, FilterConfig, Filters};
pub(crate) use rules::{ALLOWLIST, Rules};

/// All guardrails that apply to one key, as one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guardrails {
    pub(crate) policy: AccountPolicy,
    /// What is looked for in the content of requests.
    pub(crate) filters: Filters,
    /// Those whose budget counts for this key by itself.
    pub(crate) key_budgets: Vec<Uuid>,
    /// Those whose budget counts for all keys of the member together.
    pub(crate) member_budgets: Vec<Uuid>,
}

/// The id of a workspace's default guardrail, whether or not there is one yet: UUIDv5 of `default-guardrail` in the
/// namespace of the workspace's id.
pub(crate) fn default_id(workspace: Uuid) -> Uuid {
    Uuid::new_v5(&workspace, b"default-guardrail")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_guardrail_of_a_workspace_has_one_id_of_its_own() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_ne!(default_id(one), default_id(other));
        assert_eq!(default_id(one).to_string(), "d30f7df2-43b2-50c1-9407-6c5db85f6c61");
    }
}
