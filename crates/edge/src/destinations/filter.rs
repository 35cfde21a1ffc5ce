//! Which generations a destination is for, by rules of its owner's.

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const MOST_GROUPS: usize = 20;
const MOST_RULES: usize = 50;
const LONGEST: usize = 1_000;
/// Bytes of a compiled pattern.
const PATTERN: usize = 1 << 20;

/// Groups of rules; a generation must meet every group.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = ObservabilityFilterRulesConfig)]
pub(crate) struct Rules {
    #[serde(default = "yes")]
    pub(crate) enabled: bool,
    #[schema(max_items = 20)]
    pub(crate) groups: Vec<Group>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = ObservabilityFilterRuleGroup)]
pub(crate) struct Group {
    #[serde(default)]
    logic: Logic,
    #[schema(max_items = 50)]
    rules: Vec<Rule>,
}

/// Whether every rule of a group must be met, or one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ObservabilityFilterLogic)]
enum Logic {
    #[default]
    And,
    Or,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = ObservabilityFilterRule)]
struct Rule {
    field: Field,
    operator: Operator,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Operand>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = ObservabilityFilterValue)]
enum Operand {
    Text(String),
    Number(f64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ObservabilityFilterField)]
pub(crate) enum Field {
    Model,
    Provider,
    SessionId,
    UserId,
    ApiKeyName,
    FinishReason,
    Input,
    Output,
    TotalCost,
    TotalTokens,
    PromptTokens,
    CompletionTokens,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ObservabilityFilterOperator)]
enum Operator {
    Equals,
    NotEquals,
    Contains,
    NotContains,
    Regex,
    StartsWith,
    EndsWith,
    Gt,
    Lt,
    Gte,
    Lte,
    Exists,
    NotExists,
}

const fn yes() -> bool {
    true
}

impl Rules {
    /// # Errors
    /// What is wrong.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.groups.len() > MOST_GROUPS || self.groups.iter().any(|group| group.rules.len() > MOST_RULES) {
            return Err(format!("filter_rules: use at most {MOST_GROUPS} groups of {MOST_RULES} rules"));
        }
        self.groups.iter().flat_map(|group| &group.rules).try_for_each(Rule::check)
    }

    /// Whether a rule asks for what was sent or came back.
    pub(crate) fn reads_content(&self) -> bool {
        let mut rules = self.groups.iter().flat_map(|group| &group.rules);
        self.enabled && rules.any(|rule| matches!(rule.field, Field::Input | Field::Output))
    }

    /// Whether a generation is meant, of which `value` tells the fields as texts; empty = it has none.
    pub(crate) fn admit(&self, value: impl Fn(Field) -> String) -> bool {
        !self.enabled
            || self.groups.iter().all(|group| {
                let mut rules = group.rules.iter().map(|rule| rule.is_met_by(&value(rule.field)));
                match group.logic {
                    Logic::And => rules.all(|is_met| is_met),
                    Logic::Or => group.rules.is_empty() || rules.any(|is_met| is_met),
                }
            })
    }
}

impl Rule {
    fn text(&self) -> String {
        match &self.value {
            Some(Operand::Text(text)) => text.clone(),
            Some(Operand::Number(number)) => number.to_string(),
            None => String::new(),
        }
    }

    fn number(&self) -> Option<f64> {
        match &self.value {
            Some(Operand::Text(text)) => text.trim().parse().ok(),
            Some(Operand::Number(number)) => Some(*number),
            None => None,
        }
    }

    fn check(&self) -> Result<(), String> {
        let is_about_being = matches!(self.operator, Operator::Exists | Operator::NotExists);
        if !is_about_being && self.value.is_none() {
            return Err("filter_rules: a rule lacks its value".to_owned());
        }
        if self.text().len() > LONGEST {
            return Err(format!("filter_rules: use values of at most {LONGEST} bytes"));
        }
        let is_about_size =
            matches!(self.operator, Operator::Gt | Operator::Gte | Operator::Lt | Operator::Lte);
        if is_about_size && self.number().is_none() {
            return Err("filter_rules: gt, gte, lt and lte compare with a number".to_owned());
        }
        if self.operator == Operator::Regex && self.pattern().is_none() {
            return Err("filter_rules: a pattern is no regular expression, or too large; look-around and \
                        back-references are not taken"
                .to_owned());
        }
        Ok(())
    }

    fn pattern(&self) -> Option<Regex> {
        RegexBuilder::new(&self.text()).size_limit(PATTERN).build().ok()
    }

    fn is_met_by(&self, value: &str) -> bool {
        let text = self.text();
        let compared = || Some(value.parse::<f64>().ok()?.total_cmp(&self.number()?));
        match self.operator {
            Operator::Equals => value == text || compared().is_some_and(std::cmp::Ordering::is_eq),
            Operator::NotEquals => value != text && !compared().is_some_and(std::cmp::Ordering::is_eq),
            Operator::Contains => value.contains(&text),
            Operator::NotContains => !value.contains(&text),
            Operator::Regex => self.pattern().is_some_and(|pattern| pattern.is_match(value)),
            Operator::StartsWith => value.starts_with(&text),
            Operator::EndsWith => value.ends_with(&text),
            Operator::Gt => compared().is_some_and(std::cmp::Ordering::is_gt),
            Operator::Lt => compared().is_some_and(std::cmp::Ordering::is_lt),
            Operator::Gte => compared().is_some_and(std::cmp::Ordering::is_ge),
            Operator::Lte => compared().is_some_and(std::cmp::Ordering::is_le),
            Operator::Exists => !value.is_empty(),
            Operator::NotExists => value.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rules(value: Value) -> Rules {
        serde_json::from_value(value).unwrap()
    }

    fn of_one(field: Field) -> String {
        match field {
            Field::Model => "acme/echo".to_owned(),
            Field::TotalTokens => "12".to_owned(),
            Field::TotalCost => "0.0015".to_owned(),
            _ => String::new(),
        }
    }

    #[test]
    fn every_operator_decides() {
        for (field, operator, value, is_met) in [
            ("model", "equals", json!("acme/echo"), true),
            ("model", "not_equals", json!("acme/echo"), false),
            ("model", "contains", json!("me/e"), true),
            ("model", "not_contains", json!("me/e"), false),
            ("model", "regex", json!("^acme/.+o$"), true),
            ("model", "starts_with", json!("acme/"), true),
            ("model", "ends_with", json!("acme"), false),
            ("total_tokens", "equals", json!(12.0), true),
            ("total_tokens", "gt", json!("12"), false),
            ("total_tokens", "gte", json!(12), true),
            ("total_cost", "lt", json!(0.002), true),
            ("total_cost", "lte", json!(0.001), false),
            ("session_id", "exists", Value::Null, false),
            ("session_id", "not_exists", Value::Null, true),
            ("session_id", "gt", json!(1), false),
        ] {
            let rule = json!({ "field": field, "operator": operator, "value": value });
            let rules = rules(json!({ "groups": [{ "rules": [rule] }] }));
            rules.check().unwrap();
            assert_eq!(rules.admit(of_one), is_met, "{field} {operator} {value}");
        }
    }

    #[test]
    fn groups_are_all_met_and_their_rules_as_they_say() {
        let yes = json!({ "field": "model", "operator": "exists" });
        let no = json!({ "field": "model", "operator": "not_exists" });
        let group = |logic: &str| json!({ "logic": logic, "rules": [yes, no] });
        for (groups, is_met) in [
            (json!([group("or")]), true),
            (json!([group("and")]), false),
            (json!([group("or"), group("and")]), false),
            (json!([]), true),
        ] {
            assert_eq!(rules(json!({ "groups": groups })).admit(of_one), is_met, "{groups}");
        }
        assert!(rules(json!({ "enabled": false, "groups": [group("and")] })).admit(of_one));
    }

    #[test]
    fn rules_that_could_never_be_met_are_refused() {
        for rule in [
            json!({ "field": "model", "operator": "equals" }),
            json!({ "field": "model", "operator": "gt", "value": "many" }),
            json!({ "field": "model", "operator": "regex", "value": "(?=a)" }),
        ] {
            assert!(rules(json!({ "groups": [{ "rules": [rule] }] })).check().is_err(), "{rule}");
        }
    }
}
