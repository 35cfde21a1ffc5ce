//! Whether the calls of tools that an answer ends in are of use to its client: their arguments are JSON, their
//! names are those of tools, and what the tools want is what they get.

mod schema;

use std::collections::BTreeMap;
use std::sync::Arc;

use dialect::canonical::{Event, FinishReason, Request, Task};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::job::Planned;

/// Bytes of names and arguments that are kept. An answer with more is not judged.
const KEPT: usize = 256 * 1024;
/// Calls that are kept, likewise.
const CALLS: usize = 128;

/// The calls of one answer, for a request that has tools.
#[derive(Default)]
pub(crate) struct Calls {
    /// By choice and index; `None` when nothing is to be kept, or too much came.
    made: Option<BTreeMap<(u32, u32), Call>>,
    kept: usize,
    ends_in_calls: bool,
}

#[derive(Default)]
struct Call {
    name: String,
    arguments: String,
}

impl Calls {
    /// Nothing yet of an answer to `task`.
    pub(crate) fn of(task: &Task) -> Self {
        let has_tools = task.chat().is_some_and(|request| !request.tools.is_empty());
        Self { made: has_tools.then(BTreeMap::new), ..Self::default() }
    }

    pub(crate) fn see(&mut self, event: &Event) {
        match event {
            Event::ToolCall { choice, index, name, arguments, .. } => {
                self.add((*choice, *index), name.as_deref().unwrap_or_default(), arguments);
            }
            // Some providers call it a plain stop.
            Event::Finish { reason: FinishReason::ToolCalls | FinishReason::Stop, .. } => {
                self.ends_in_calls = true;
            }
            _ => {}
        }
    }

    fn add(&mut self, place: (u32, u32), name: &str, arguments: &str) {
        let Some(made) = &mut self.made else { return };
        self.kept += name.len() + arguments.len();
        if self.kept > KEPT {
            self.made = None;
            return;
        }
        if made.len() == CALLS && !made.contains_key(&place) {
            self.made = None;
            return;
        }
        let call = made.entry(place).or_default();
        if call.name.is_empty() {
            name.clone_into(&mut call.name);
        }
        call.arguments.push_str(arguments);
    }

    /// Whether all of them are of use; `None` when there are none, or they are not judged.
    pub(crate) async fn judge(self, planned: &Arc<Planned>) -> Option<bool> {
        let calls = self.made.filter(|made| self.ends_in_calls && !made.is_empty())?;
        let planned = Arc::clone(planned);
        // A schema may take a while.
        let judged = tokio::task::spawn_blocking(move || {
            let request = planned.job.task.chat()?;
            Some(calls.values().all(|call| is_of_use(call, request)))
        });
        judged.await.ok().flatten()
    }
}

fn is_of_use(call: &Call, request: &Request) -> bool {
    let arguments = match call.arguments.trim() {
        // As models call a tool that takes nothing.
        "" => "{}",
        arguments => arguments,
    };
    let Some(tool) = request.tools.iter().find(|tool| tool.name == call.name) else {
        return has_other_tools(request);
    };
    let Ok(value) = serde_json::from_str::<Value>(arguments) else { return false };
    let Some(wanted) = &tool.parameters else { return true };
    schema::admits(wanted, &value, arguments.len()).unwrap_or(true)
}

/// Whether the request has tools that are no functions, so that a name which is none of theirs says nothing.
fn has_other_tools(request: &Request) -> bool {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        tools: Vec<&'a RawValue>,
    }
    let body = request.original.as_ref().map(|original| serde_json::from_slice::<Body<'_>>(&original.body));
    matches!(body, Some(Ok(body)) if body.tools.len() > request.tools.len())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use dialect::client::Dialect;
    use serde_json::json;

    use super::*;

    fn request(tools: &Value) -> Request {
        let body = json!({"model": "a/b", "messages": [{"role": "user", "content": "x"}], "tools": tools});
        match Dialect::Chat.decode(&Bytes::from(body.to_string())).unwrap() {
            Task::Chat(request) => request,
            other => panic!("{other:?}"),
        }
    }

    fn function(name: &str, parameters: &Value) -> Value {
        json!({"type": "function", "function": {"name": name, "parameters": parameters}})
    }

    fn call(name: &str, arguments: &str) -> Call {
        Call { name: name.to_owned(), arguments: arguments.to_owned() }
    }

    #[test]
    fn a_call_needs_a_name_json_and_what_the_tool_wants() {
        let wanted = json!({"type": "object", "required": ["city"],
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}}});
        let tools = json!([function("weather", &wanted), {"type": "function", "function": {"name": "now"}}]);
        let request = request(&tools);
        for (name, arguments, expected) in [
            ("weather", r#"{"city": "Oslo", "days": 2}"#, true),
            ("weather", r#"{"city": "Oslo""#, false),
            ("weather", r#"{"days": 2}"#, false),
            ("weather", r#"{"city": "Oslo", "days": 0}"#, false),
            ("weather", "[]", false),
            ("weather", "", false),
            ("wether", r#"{"city": "Oslo"}"#, false),
            ("now", "", true),
            ("now", r#"{"zone": "UTC"}"#, true),
            ("now", "{", false),
        ] {
            assert_eq!(is_of_use(&call(name, arguments), &request), expected, "{name} {arguments}");
        }
    }

    #[test]
    fn a_name_says_nothing_where_there_are_other_tools() {
        let request =
            request(&json!([function("f", &json!({})), {"type": "custom", "custom": {"name": "g"}}]));
        assert!(is_of_use(&call("g", "anything at all"), &request));
        assert!(!is_of_use(&call("f", "anything at all"), &request));
    }

    #[test]
    fn calls_come_in_pieces_and_too_many_are_dropped() {
        let piece = |arguments: &str| Event::ToolCall {
            choice: 0,
            index: 0,
            id: None,
            name: Some("f".to_owned()),
            arguments: arguments.to_owned(),
        };
        let task = Task::Chat(request(&json!([function("f", &json!({}))])));
        let mut calls = Calls::of(&task);
        calls.see(&piece("{\"a\""));
        calls.see(&piece(":1}"));
        let made = &calls.made.as_ref().unwrap()[&(0, 0)];
        assert_eq!((made.name.as_str(), made.arguments.as_str()), ("f", "{\"a\":1}"));
        calls.see(&piece(&"x".repeat(KEPT)));
        assert!(calls.made.is_none());
        let mut nothing = Calls::of(&Task::Chat(Request::default()));
        nothing.see(&piece("{}"));
        assert!(nothing.made.is_none(), "nothing is kept for a request without tools");
    }
}
