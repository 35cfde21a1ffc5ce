//! Requests of providers that refuse what they do not know.

use serde_json::Value;

/// What may stand at a place of a request.
pub(crate) enum Shape {
    /// Whatever the caller likes.
    Any,
    List(&'static Shape),
    /// An object whose members the caller names.
    Map(&'static Shape),
    /// The same as elsewhere: shapes may hold themselves.
    Of(&'static Shape),
    /// An object with these members and no others; anything that is no object passes.
    Members(&'static [(&'static str, Shape)]),
}

/// The way to the first member that the shape does not know, as names and positions.
pub(crate) fn stranger(value: &Value, shape: &Shape) -> Option<Vec<String>> {
    match (shape, value) {
        (Shape::List(item), Value::Array(values)) => values
            .iter()
            .enumerate()
            .find_map(|(at, value)| stranger(value, item).map(|rest| prefixed(at.to_string(), rest))),
        (Shape::Map(item), Value::Object(fields)) => fields
            .iter()
            .find_map(|(name, value)| stranger(value, item).map(|rest| prefixed(name.clone(), rest))),
        (Shape::Of(shape), value) => stranger(value, shape),
        (Shape::Members(members), Value::Object(fields)) => {
            fields.iter().find_map(|(name, value)| match members.iter().find(|(known, _)| known == name) {
                Some((_, shape)) => stranger(value, shape).map(|rest| prefixed(name.clone(), rest)),
                None => Some(vec![name.clone()]),
            })
        }
        _ => None,
    }
}

fn prefixed(head: String, mut rest: Vec<String>) -> Vec<String> {
    rest.insert(0, head);
    rest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const INNER: Shape = Shape::Members(&[("b", Shape::Any)]);
    const OUTER: Shape = Shape::Members(&[("a", Shape::List(&INNER)), ("free", Shape::Any)]);

    #[test]
    fn strangers_are_found_where_they_are() {
        assert_eq!(stranger(&json!({"a": [{"b": {"x": 1}}], "free": {"y": 2}}), &OUTER), None);
        let found = stranger(&json!({"a": [{"b": 1}, {"c": 1}]}), &OUTER);
        assert_eq!(found, Some(vec!["a".to_owned(), "1".to_owned(), "c".to_owned()]));
        assert_eq!(stranger(&json!({"z": 1}), &OUTER), Some(vec!["z".to_owned()]));
    }
}
