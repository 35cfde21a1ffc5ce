//! What a tool wants of its arguments: JSON Schema, draft 7. A client writes the schema, so that what looking at
//! it costs is bounded before any of it is looked at.

use jsonschema::{Draft, PatternOptions};
use serde_json::Value;

/// Parts of a schema at most, each counted as often as it is referred to.
const PARTS: usize = 4_096;
/// How deep they may lie, references followed: a schema that refers to itself is deeper than any limit.
const DEPTH: usize = 48;
/// Parts of a schema times bytes of arguments.
const WORK: usize = 32 * 1024 * 1024;
/// Bytes of a compiled pattern, and for how many parts it counts beside its length.
const PATTERN: usize = 256 * 1024;
const COMPILED: usize = 64;

/// Whether arguments of this `length` in bytes satisfy a schema; `None` when that is not to be told: the schema is
/// none, refers to what is elsewhere or to itself, or is too large.
pub(super) fn admits(schema: &Value, arguments: &Value, length: usize) -> Option<bool> {
    let mut left = PARTS;
    count(schema, schema, 0, &mut left)?;
    if (PARTS - left).saturating_mul(length) > WORK {
        return None;
    }
    // Patterns that could take exponential time are none that this engine knows.
    let patterns = PatternOptions::regex().size_limit(PATTERN).dfa_size_limit(PATTERN);
    let validator = jsonschema::options()
        .with_draft(Draft::Draft7)
        .with_pattern_options(patterns)
        .should_validate_formats(false)
        .offline()
        .build(schema)
        .ok()?;
    Some(validator.is_valid(arguments))
}

/// Counts the parts of a value as far as they are left.
fn count(part: &Value, schema: &Value, depth: usize, left: &mut usize) -> Option<()> {
    take(left, 1)?;
    if depth > DEPTH {
        return None;
    }
    match part {
        Value::Array(items) => items.iter().try_for_each(|item| count(item, schema, depth + 1, left)),
        Value::Object(members) => {
            members.iter().try_for_each(|(name, member)| count_member(name, member, schema, depth, left))
        }
        _ => Some(()),
    }
}

fn count_member(name: &str, member: &Value, schema: &Value, depth: usize, left: &mut usize) -> Option<()> {
    match (name, member) {
        ("$ref", Value::String(place)) => return count(referred(schema, place)?, schema, depth + 1, left),
        // They change where references lead to, or are references of later drafts.
        ("$id", Value::String(_)) if depth > 0 => return None,
        ("$recursiveRef" | "$dynamicRef", _) => return None,
        ("pattern", Value::String(pattern)) => take(left, COMPILED + pattern.len())?,
        ("patternProperties", Value::Object(patterns)) => {
            patterns.keys().try_for_each(|pattern| take(left, COMPILED + pattern.len()))?;
        }
        _ => {}
    }
    count(member, schema, depth + 1, left)
}

fn take(left: &mut usize, parts: usize) -> Option<()> {
    *left = left.checked_sub(parts)?;
    Some(())
}

/// What a reference within a schema refers to.
fn referred<'a>(schema: &'a Value, reference: &str) -> Option<&'a Value> {
    let place = reference.strip_prefix('#')?;
    // Encoded places would have to be decoded exactly as the engine does it.
    if place.contains('%') { None } else { schema.pointer(place) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(schema: &Value, arguments: &Value) -> Option<bool> {
        admits(schema, arguments, arguments.to_string().len())
    }

    #[test]
    fn references_within_a_schema_are_followed() {
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "required": ["at"],
            "properties": {"at": {"$ref": "#/$defs/Place"}},
            "$defs": {"Place": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}}
        });
        assert_eq!(judged(&schema, &json!({"at": {"x": 1}})), Some(true));
        assert_eq!(judged(&schema, &json!({"at": {"x": "1"}})), Some(false));
    }

    #[test]
    fn what_would_cost_too_much_is_not_judged() {
        let doubling: Value = (0..40)
            .map(|n| {
                let next = json!({"$ref": format!("#/definitions/{}", n + 1)});
                (n.to_string(), json!({"allOf": [next, next]}))
            })
            .chain([("40".to_owned(), json!({}))])
            .collect::<serde_json::Map<_, _>>()
            .into();
        for schema in [
            json!({"$ref": "#"}),
            json!({"allOf": [{"$ref": "#"}]}),
            json!({"$ref": "#/definitions/a", "definitions": {"a": {"$ref": "#/definitions/a"}}}),
            json!({"properties": {"children": {"items": {"$ref": "#"}}}}),
            json!({"$ref": "#/definitions/0", "definitions": doubling}),
            json!({"enum": vec![json!(1); PARTS]}),
            json!({"$ref": "https://example.com/schema.json"}),
            json!({"$ref": "file:///etc/passwd"}),
            json!({"$ref": "#name", "definitions": {"a": {"$id": "#name"}}}),
            json!({"properties": {"a": {"pattern": "^(?=.*a)"}}}),
            json!({"properties": {"a": {"pattern": "(((a{1,99}){1,99}){1,99}){1,99}"}}}),
            json!({"properties": {"a": {"$ref": "#/%64efinitions/a"}}, "definitions": {"a": {}}}),
            json!({"$schema": "https://json-schema.org/draft/2019-09/schema", "$recursiveRef": "#"}),
            json!({"allOf": vec![json!({"pattern": "^a"}); 100]}),
            json!({"patternProperties": {"a".repeat(PARTS): {}}}),
            json!({"type": "no such type"}),
            json!("no schema"),
        ] {
            assert_eq!(judged(&schema, &json!({"a": "aaaa"})), None, "{schema}");
        }
        assert_eq!(admits(&json!({"type": "object"}), &json!({}), WORK), None, "long arguments");
    }

    #[test]
    fn patterns_and_types_are_those_of_the_seventh_draft() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "properties": {
                "code": {"type": "string", "pattern": "^[a-z]+$"},
                "pair": {"items": [{"type": "string"}, {"type": "number"}]},
                "mail": {"type": "string", "format": "email"}
            }
        });
        assert_eq!(judged(&schema, &json!({"code": "abc", "pair": ["a", 1], "mail": "none"})), Some(true));
        assert_eq!(judged(&schema, &json!({"code": "ABC"})), Some(false));
        assert_eq!(judged(&schema, &json!({"pair": [1, 1]})), Some(false));
    }
}
