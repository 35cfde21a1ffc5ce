//! Laying an operator's changes over a row, member by member.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::Error;

/// The longest timeout, in milliseconds: a day.
const LONGEST: u64 = 86_400_000;
const TIMEOUTS: [&str; 4] = ["connect_ms", "first_token_ms", "stall_ms", "total_ms"];
const SCORES: [&str; 3] = ["intelligence", "coding", "agentic"];

/// What may be changed of a kind of row.
pub(super) struct Shape {
    /// With its article.
    pub(super) kind: &'static str,
    pub(super) members: &'static [&'static str],
    /// Those that are said when the row is made and never change.
    pub(super) fixed: &'static [&'static str],
    /// Those that are cleared by being emptied, with what they then are.
    pub(super) emptied: &'static [(&'static str, Empty)],
}

/// What a member is that holds nothing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Empty {
    List,
    Object,
}

/// `row` with `changes` laid over it: `null` clears a member, `timeouts` and `scores` are laid over member
/// by member, everything else is replaced whole.
///
/// # Errors
/// [`Error::Refused`] naming the member that does not exist, cannot change or has the wrong shape.
pub(super) fn lay_over<T>(
    row: &T,
    is_new: bool,
    changes: Map<String, Value>,
    shape: &Shape,
) -> Result<T, Error>
where
    T: Serialize + DeserializeOwned,
{
    let Value::Object(mut members) = serde_json::to_value(row).map_err(|error| refused(error.to_string()))?
    else {
        return Err(refused("a row is an object"));
    };
    for (name, value) in changes {
        shape.admit(&name, is_new || members.get(&name) == Some(&value))?;
        // What a request holds by default may well be a line's end.
        if name != "default_parameters" {
            check_shown(&name, &value)?;
        }
        match name.as_str() {
            "timeouts" => lay_timeouts(&mut members, value)?,
            "scores" => lay_scores(&mut members, value)?,
            _ => {
                let value = if value.is_null() { shape.cleared(&name) } else { value };
                members.insert(name, value);
            }
        }
    }
    serde_path_to_error::deserialize(Value::Object(members))
        .map_err(|error| refused(format!("`{}`: {}", error.path(), error.inner())))
}

/// Refuses what does not show, in every text that a value holds.
fn check_shown(member: &str, value: &Value) -> Result<(), Error> {
    match value {
        Value::String(text) => check_text(member, text),
        Value::Array(items) => items.iter().try_for_each(|item| check_shown(member, item)),
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            check_text(member, name)?;
            check_shown(&format!("{member}.{name}"), value)
        }),
        _ => Ok(()),
    }
}

fn check_text(member: &str, text: &str) -> Result<(), Error> {
    rpc::text::shown(text).map_err(|unshown| refused(format!("`{member}`: {unshown}")))
}

impl Shape {
    fn admit(&self, name: &str, may_be_fixed: bool) -> Result<(), Error> {
        if self.members.contains(&name) || (may_be_fixed && self.fixed.contains(&name)) {
            return Ok(());
        }
        if self.fixed.contains(&name) {
            return Err(refused(format!("`{name}` of {} never changes", self.kind)));
        }
        let known = self.members.join(", ");
        Err(refused(format!("{} has no member `{name}` to change; it has {known}", self.kind)))
    }

    fn cleared(&self, name: &str) -> Value {
        match self.emptied.iter().find(|(known, _)| *known == name) {
            Some((_, Empty::List)) => Value::Array(Vec::new()),
            Some((_, Empty::Object)) => Value::Object(Map::new()),
            None => Value::Null,
        }
    }
}

/// Timeouts are one member outside and four columns inside.
fn lay_timeouts(members: &mut Map<String, Value>, value: Value) -> Result<(), Error> {
    for (name, span) in nested("timeouts", &TIMEOUTS, value)? {
        let is_span = span.as_u64().is_some_and(|ms| (1..=LONGEST).contains(&ms));
        if !span.is_null() && !is_span {
            return Err(refused(format!("`timeouts.{name}` must be from 1 to {LONGEST} milliseconds")));
        }
        members.insert(name, span);
    }
    Ok(())
}

fn lay_scores(members: &mut Map<String, Value>, value: Value) -> Result<(), Error> {
    let scores = members.entry("scores").or_insert_with(|| Value::Object(Map::new()));
    for (name, score) in nested("scores", &SCORES, value)? {
        let is_score = score.as_f64().is_some_and(|score| (0.0..=1.0).contains(&score));
        if !score.is_null() && !is_score {
            return Err(refused(format!("`scores.{name}` must be a number from 0 to 1")));
        }
        scores[name] = score;
    }
    Ok(())
}

/// The members of a member; all of them as `null` where it is to be cleared.
fn nested(outer: &str, known: &[&str], value: Value) -> Result<Map<String, Value>, Error> {
    let members = match value {
        Value::Null => known.iter().map(|name| ((*name).to_owned(), Value::Null)).collect(),
        Value::Object(members) => members,
        _ => return Err(refused(format!("`{outer}` must be an object"))),
    };
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(stray) => {
            Err(refused(format!("`{outer}` has no member `{stray}`; it has {}", known.join(", "))))
        }
        None => Ok(members),
    }
}

/// The row of a kind that must exist.
pub(super) fn find<'a, T>(
    rows: &'a [T],
    is_it: impl Fn(&&T) -> bool,
    kind: &'static str,
    name: &str,
) -> Result<&'a T, Error> {
    rows.iter().find(is_it).ok_or_else(|| Error::NotFound { kind, name: name.to_owned() })
}

pub(super) fn refused(text: impl Into<String>) -> Error {
    Error::Refused(text.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::rows;

    const SHAPE: Shape = Shape {
        kind: "a model",
        members: &["name", "scores", "quirks", "max_output", "input_modalities"],
        fixed: &["canonical_slug"],
        emptied: &[("quirks", Empty::Object), ("input_modalities", Empty::List)],
    };

    fn laid(changes: &Value, is_new: bool) -> Result<rows::Model, String> {
        let scores = rows::Scores { coding: Some(0.5), agentic: Some(0.5), ..rows::Scores::default() };
        let row = rows::Model {
            name: "Old".to_owned(),
            max_output: Some(9),
            input_modalities: vec!["text".to_owned()],
            scores,
            ..rows::Model::default()
        };
        let changes = changes.as_object().unwrap().clone();
        lay_over(&row, is_new, changes, &SHAPE).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_stays_and_null_clears() {
        let row = laid(&json!({ "name": "New" }), false).unwrap();
        assert_eq!((row.name.as_str(), row.max_output), ("New", Some(9)));
        let changes = json!({ "max_output": null, "scores": { "coding": null, "intelligence": 1 },
                              "input_modalities": null, "quirks": null });
        let row = laid(&changes, false).unwrap();
        assert_eq!((row.max_output, row.input_modalities.len()), (None, 0));
        let scores = rows::Scores { intelligence: Some(1.0), coding: None, agentic: Some(0.5) };
        assert_eq!(row.scores, scores);
    }

    #[test]
    fn every_refusal_names_the_member() {
        for (changes, named) in [
            (json!({ "colour": "red" }), "colour"),
            (json!({ "name": null }), "name"),
            (json!({ "max_output": "many" }), "max_output"),
            (json!({ "scores": { "coding": 1.5 } }), "scores.coding"),
            (json!({ "scores": { "beauty": 1 } }), "beauty"),
            (json!({ "scores": [1] }), "scores"),
            (json!({ "canonical_slug": "a/b" }), "canonical_slug"),
        ] {
            let refusal = laid(&changes, false).unwrap_err();
            assert!(refusal.contains(&format!("`{named}`")), "{changes}: {refusal}");
        }
        for (changes, named) in [
            (json!({ "name": "Rock\u{202e}et" }), "name"),
            (json!({ "input_modalities": ["text", "te\u{200b}xt"] }), "input_modalities"),
            (json!({ "quirks": { "drop": ["se\ned"] } }), "quirks.drop"),
            (json!({ "quirks": { "dr\u{7}op": 1 } }), "quirks"),
        ] {
            let refusal = laid(&changes, false).unwrap_err();
            assert!(refusal.starts_with(&format!("`{named}`: leave out `U+")), "{changes}: {refusal}");
        }
        assert_eq!(laid(&json!({ "canonical_slug": "a/b" }), true).unwrap().canonical_slug, "a/b");
    }
}
