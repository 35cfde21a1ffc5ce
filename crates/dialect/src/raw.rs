//! JSON text that passes through unread, so that numbers and the order of members stay as they were.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::canonical::ToolCall;
use crate::error::BadRequest;

/// The same JSON without the white space between its tokens.
pub(crate) fn compact(json: &RawValue) -> String {
    let text = json.get();
    let mut compacted = String::with_capacity(text.len());
    let (mut in_string, mut escaped, mut kept) = (false, false, 0);
    for (at, byte) in text.bytes().enumerate() {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else if byte == b'"' {
            in_string = true;
        } else if byte.is_ascii_whitespace() {
            compacted.push_str(&text[kept..at]);
            kept = at + 1;
        }
    }
    compacted.push_str(&text[kept..]);
    compacted
}

/// Reads `null` like a member that is missing, for members that have a default.
///
/// # Errors
/// Whatever the value itself is refused for.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The arguments of a call where an object is due; none at all = `{}`.
///
/// # Errors
/// [`BadRequest`] when they are not the JSON text of an object.
pub(crate) fn arguments(call: &ToolCall) -> Result<Box<RawValue>, BadRequest> {
    let text = match call.arguments.trim() {
        "" | "null" => "{}",
        text => text,
    };
    let json = RawValue::from_string(text.to_owned()).ok().filter(|json| json.get().starts_with('{'));
    json.ok_or_else(|| {
        BadRequest::new(format!(
            "the arguments of tool call `{}` must be the JSON text of an object, such as {{\"city\":\"Oslo\"}}",
            call.id
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arguments: &str) -> ToolCall {
        ToolCall { id: "call_1".into(), name: "f".into(), arguments: arguments.into() }
    }

    #[test]
    fn white_space_goes_but_inside_strings() {
        let json = RawValue::from_string("{ \"b\" :\n [ 1.50, \"a \\\" b\\\\\" , true ] }".into()).unwrap();
        assert_eq!(compact(&json), r#"{"b":[1.50,"a \" b\\",true]}"#);
    }

    #[test]
    fn arguments_become_an_object() {
        assert_eq!(arguments(&call("")).unwrap().get(), "{}");
        assert_eq!(arguments(&call("null")).unwrap().get(), "{}");
        assert_eq!(arguments(&call(" {\"z\":1,\"a\":2} ")).unwrap().get(), "{\"z\":1,\"a\":2}");
        assert!(arguments(&call("[1]")).is_err());
        assert!(arguments(&call("{\"city\":")).unwrap_err().message.contains("call_1"));
    }
}
