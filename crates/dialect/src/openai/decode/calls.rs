//! The tool calls of one choice, and which of them a delta belongs to.

use serde_json::Value;

use super::wire::Call;
use crate::canonical::Event;

/// Calls that have begun; the place of one among them is its public index.
#[derive(Default)]
pub(super) struct Calls(Vec<CallState>);

struct CallState {
    wire_index: Option<u32>,
    id: Option<String>,
    is_named: bool,
}

impl Calls {
    pub(super) fn take(&mut self, choice: u32, call: Call, position: usize, events: &mut Vec<Event>) {
        let function = call.function.unwrap_or_default();
        let id = call.id.filter(|id| !id.is_empty());
        let name = function.name.filter(|name| !name.is_empty());
        let arguments = match function.arguments {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text,
            Some(value) => value.to_string(),
        };
        let found = find_call(&self.0, call.index, id.as_deref(), name.is_some(), position);
        let at = found.unwrap_or(self.0.len());
        if found.is_none() {
            self.0.push(CallState { wire_index: call.index, id: id.clone(), is_named: false });
        }
        let name = self
            .0
            .get_mut(at)
            .and_then(|known| name.filter(|_| !std::mem::replace(&mut known.is_named, true)));
        if found.is_some() && name.is_none() && arguments.is_empty() {
            return;
        }
        events.push(Event::ToolCall {
            choice,
            index: u32::try_from(at).unwrap_or(u32::MAX),
            id: id.filter(|_| found.is_none()),
            name,
            arguments,
        });
    }
}

/// The call that a delta continues: by its index, unless another id and a name say that a new one begins
/// under an index used before; without an index by id; without both by position, or the last one.
fn find_call(
    calls: &[CallState],
    index: Option<u32>,
    id: Option<&str>,
    has_name: bool,
    position: usize,
) -> Option<usize> {
    let same_id = |call: &CallState| call.id.as_deref() == id;
    if let Some(index) = index {
        let is_other = |call: &CallState| has_name && call.is_named && id.is_some() && !same_id(call);
        return calls
            .iter()
            .rposition(|call| call.wire_index == Some(index))
            .filter(|at| !is_other(&calls[*at]));
    }
    if id.is_some() {
        return calls.iter().position(same_id);
    }
    if has_name || calls.is_empty() {
        return None;
    }
    Some(if position > 0 { position.min(calls.len() - 1) } else { calls.len() - 1 })
}
