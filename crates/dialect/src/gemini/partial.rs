//! The arguments of a call that comes in pieces, each with the path of its place.

use serde_json::{Map, Value};

use super::wire::PartialArg;

/// Items of a list at most: a path is the provider's word and must not make us allocate what it likes.
const ITEMS: usize = 4_096;

#[derive(Debug)]
pub(super) struct Partial {
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) signature: Option<String>,
    arguments: Value,
    /// The path of a string of which more follows.
    open: Option<String>,
}

#[derive(Debug, PartialEq)]
enum Step<'a> {
    Member(&'a str),
    Item(usize),
}

impl Partial {
    pub(super) fn new(id: Option<String>, name: String, signature: Option<String>) -> Self {
        Self { id, name, signature, arguments: Value::Object(Map::new()), open: None }
    }

    pub(super) fn arguments(&self) -> String {
        self.arguments.to_string()
    }

    /// Puts one value in its place; a path that makes no sense is passed over.
    pub(super) fn set(&mut self, arg: PartialArg) {
        let continues = self.open.as_deref() == Some(&*arg.json_path);
        let Some(place) = steps(&arg.json_path).and_then(|steps| place(&mut self.arguments, &steps)) else {
            return;
        };
        let value = match (arg.string_value, arg.number_value, arg.bool_value) {
            (Some(more), _, _) => match (continues, place.as_str()) {
                (true, Some(begun)) => format!("{begun}{more}").into(),
                _ => more.into(),
            },
            (None, Some(number), _) => number.into(),
            (None, None, Some(truth)) => truth.into(),
            (None, None, None) => Value::Null,
        };
        *place = value;
        self.open = arg.will_continue.then_some(arg.json_path);
    }
}

/// Reads `$.a[0]['b c']`.
fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(member) = rest.strip_prefix('.') {
            let end = member.find(['.', '[']).unwrap_or(member.len());
            steps.push(Step::Member(&member[..end]));
            rest = &member[end..];
        } else if let Some(quoted) = rest.strip_prefix("['") {
            let (member, after) = quoted.split_once("']")?;
            steps.push(Step::Member(member));
            rest = after;
        } else {
            let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
            steps.push(Step::Item(index.parse().ok().filter(|index| *index < ITEMS)?));
            rest = after;
        }
    }
    (!steps.is_empty()).then_some(steps)
}

/// The place of a path, made where it does not exist.
fn place<'a>(root: &'a mut Value, steps: &[Step<'_>]) -> Option<&'a mut Value> {
    let mut place = root;
    for step in steps {
        place = match step {
            Step::Member(name) => {
                if place.is_null() {
                    *place = Value::Object(Map::new());
                }
                place.as_object_mut()?.entry(*name).or_insert(Value::Null)
            }
            Step::Item(index) => {
                if place.is_null() {
                    *place = Value::Array(Vec::new());
                }
                let items = place.as_array_mut()?;
                if items.len() <= *index {
                    items.resize(*index + 1, Value::Null);
                }
                items.get_mut(*index)?
            }
        };
    }
    Some(place)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pieces_come_together() {
        let pieces = json!([
            {"jsonPath": "$.list[0].name", "stringValue": "Fresh ", "willContinue": true},
            {"jsonPath": "$.list[0].name", "stringValue": "apple", "willContinue": true},
            {"jsonPath": "$.list[0].name", "stringValue": ""},
            {"jsonPath": "$.list[1]['unit price']", "numberValue": 0.5},
            {"jsonPath": "$.list[0].name.first", "stringValue": "no place for this"},
            {"jsonPath": "$.list[99999999999]", "stringValue": "nor for this"},
            {"jsonPath": "list", "stringValue": "no path"},
            {"jsonPath": "$.ripe", "boolValue": true},
            {"jsonPath": "$.note"}
        ]);
        let mut partial = Partial::new(None, "f".into(), None);
        for piece in serde_json::from_value::<Vec<PartialArg>>(pieces).unwrap() {
            partial.set(piece);
        }
        let expected =
            json!({"list": [{"name": "Fresh apple"}, {"unit price": 0.5}], "ripe": true, "note": null});
        assert_eq!(serde_json::from_str::<Value>(&partial.arguments()).unwrap(), expected);
    }
}
