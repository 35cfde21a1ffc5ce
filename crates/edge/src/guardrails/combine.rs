//! Several guardrails as one. All of them hold at once, so none can loosen another:
//!
//! | Of | All together |
//! |---|---|
//! | lists of what is allowed | what every list allows |
//! | lists of what is ignored | what any list ignores |
//! | zero data retention | wherever one asks for it |
//! | training and publication | denied where one denies it |
//! | content filters | all, each with its strictest action |
//! | budgets | every one has to suffice |

use rpc::router::{AccountPolicy, AllowList};
use uuid::Uuid;

use super::{BadPattern, FilterConfig, Filters, Guardrails, Rules};

/// Whom a guardrail is assigned to, where it applies to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The organisation's policy.
    Organization,
    Workspace,
    Member,
    Key,
}

/// A guardrail that applies to a key.
#[derive(Debug, Clone)]
pub(crate) struct Applied {
    pub(crate) id: Uuid,
    pub(crate) scope: Scope,
    pub(crate) has_limit: bool,
    pub(crate) rules: Rules,
}

/// Guardrails that were kept, and are no longer understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("content filters are kept that nobody knows")]
    Filters(#[source] serde_json::Error),
    #[error("a pattern is kept that cannot be used")]
    Pattern(#[source] BadPattern),
}

/// All that apply to a key, as one.
///
/// # Errors
/// [`Unreadable`] when it cannot be told what they forbid.
pub(crate) fn combine(applied: &[Applied]) -> Result<Guardrails, Unreadable> {
    let configs: Result<Vec<FilterConfig>, _> = applied.iter().map(|one| one.rules.filters()).collect();
    let filters = Filters::build(&configs.map_err(Unreadable::Filters)?).map_err(Unreadable::Pattern)?;
    let budgets = |counts: fn(Scope) -> bool| {
        applied.iter().filter(|one| one.has_limit && counts(one.scope)).map(|one| one.id).collect()
    };
    Ok(Guardrails {
        policy: policy(applied.iter().map(|one| &one.rules)),
        filters,
        key_budgets: budgets(|scope| matches!(scope, Scope::Workspace | Scope::Key)),
        member_budgets: budgets(|scope| scope == Scope::Member),
    })
}

/// What the router is to hold requests to.
fn policy<'a>(all: impl Iterator<Item = &'a Rules> + Clone) -> AccountPolicy {
    let denies = |flag: fn(&Rules) -> Option<bool>| all.clone().any(|rules| flag(rules) == Some(false));
    AccountPolicy {
        ignored_models: union(all.clone().map(|rules| &rules.ignored_models)),
        ignored_providers: union(all.clone().map(|rules| &rules.ignored_providers)),
        model_lists: lists(all.clone().map(|rules| &rules.allowed_models)),
        provider_lists: lists(all.clone().map(|rules| &rules.allowed_providers)),
        region_lists: lists(all.clone().map(|rules| &rules.allowed_data_regions)),
        zdr_groups: {
            let groups = all.clone().flat_map(|rules| rules.zdr_groups().map(str::to_owned));
            distinct(groups.collect())
        },
        deny_free_training: denies(|rules| rules.enable_free_model_training),
        deny_paid_training: denies(|rules| rules.enable_paid_model_training),
        deny_free_publication: denies(|rules| rules.enable_free_model_publication),
        ..AccountPolicy::default()
    }
}

/// Each list by itself: only the router knows whether two names, such as a provider's and its endpoint's, meet.
fn lists<'a>(all: impl Iterator<Item = &'a Option<Vec<String>>>) -> Vec<AllowList> {
    let mut lists: Vec<AllowList> = Vec::new();
    for names in all.flatten() {
        let list = AllowList { names: names.clone() };
        if !lists.contains(&list) {
            lists.push(list);
        }
    }
    lists
}

fn union<'a>(all: impl Iterator<Item = &'a Option<Vec<String>>>) -> Vec<String> {
    distinct(all.flatten().flatten().cloned().collect())
}

fn distinct(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn applied(scope: Scope, has_limit: bool, rules: Value) -> Applied {
        Applied { id: Uuid::now_v7(), scope, has_limit, rules: serde_json::from_value(rules).unwrap() }
    }

    fn policy_of(rules: &[Value]) -> AccountPolicy {
        let scopes = [Scope::Organization, Scope::Workspace, Scope::Member, Scope::Key];
        let all: Vec<Applied> = scopes
            .into_iter()
            .zip(rules)
            .map(|(scope, rules)| applied(scope, false, rules.clone()))
            .collect();
        combine(&all).unwrap().policy
    }

    fn list(names: &[&str]) -> AllowList {
        AllowList { names: names.iter().map(|name| (*name).to_owned()).collect() }
    }

    #[test]
    fn nothing_forbids_nothing() {
        let none = combine(&[]).unwrap();
        assert_eq!(none.policy, AccountPolicy::default());
        assert!(none.key_budgets.is_empty() && none.member_budgets.is_empty());
        assert_eq!(policy_of(&[json!({}), json!({}), json!({}), json!({})]), AccountPolicy::default());
    }

    #[test]
    fn lists_of_what_is_allowed_all_hold() {
        let policy = policy_of(&[
            json!({ "allowed_models": ["a/m", "b/n"], "allowed_providers": ["one"] }),
            json!({ "allowed_models": ["b/n"], "allowed_data_regions": ["eu"] }),
            json!({ "allowed_models": ["b/n"] }),
        ]);
        assert_eq!(policy.model_lists, [list(&["a/m", "b/n"]), list(&["b/n"])], "the same one once");
        assert_eq!(policy.provider_lists, [list(&["one"])]);
        assert_eq!(policy.region_lists, [list(&["eu"])]);
        assert!(policy.allowed_models.is_empty() && policy.allowed_providers.is_empty());
    }

    #[test]
    fn lists_that_have_nothing_in_common_are_not_no_list() {
        let policy = policy_of(&[json!({ "allowed_models": ["a/m"] }), json!({ "allowed_models": ["b/n"] })]);
        assert_eq!(policy.model_lists.len(), 2);
    }

    #[test]
    fn lists_of_what_is_ignored_add_up() {
        let policy = policy_of(&[
            json!({ "ignored_models": ["b/n"], "ignored_providers": ["two"] }),
            json!({}),
            json!({ "ignored_models": ["a/m", "b/n"], "ignored_providers": ["one"] }),
        ]);
        assert_eq!(
            (policy.ignored_models, policy.ignored_providers),
            (list(&["a/m", "b/n"]).names, list(&["one", "two"]).names)
        );
    }

    #[test]
    fn one_that_asks_for_zero_retention_is_enough_and_none_takes_it_back() {
        let policy = policy_of(&[
            json!({ "enforce_zdr_openai": true, "enforce_zdr_google": false }),
            json!({ "enforce_zdr_openai": false, "enforce_zdr_other": true }),
        ]);
        assert_eq!(policy.zdr_groups, ["openai", "other"]);
        assert!(!policy.zdr);
    }

    #[test]
    fn one_that_denies_a_use_of_data_is_enough() {
        for (member, denied) in [
            ("enable_free_model_training", [true, false, false]),
            ("enable_paid_model_training", [false, true, false]),
            ("enable_free_model_publication", [false, false, true]),
        ] {
            let policy =
                policy_of(&[json!({ member: true }), json!({ member: false }), json!({ member: null })]);
            let found = [policy.deny_free_training, policy.deny_paid_training, policy.deny_free_publication];
            assert_eq!(found, denied, "{member}");
            assert_eq!(policy_of(&[json!({ member: true })]), AccountPolicy::default());
        }
    }

    #[test]
    fn budgets_count_where_they_are_assigned() {
        let all = [
            applied(Scope::Organization, false, json!({})),
            applied(Scope::Workspace, true, json!({})),
            applied(Scope::Member, true, json!({})),
            applied(Scope::Key, true, json!({})),
            applied(Scope::Key, false, json!({})),
        ];
        let guardrails = combine(&all).unwrap();
        assert_eq!(guardrails.key_budgets, [all[1].id, all[3].id]);
        assert_eq!(guardrails.member_budgets, [all[2].id]);
    }
}
