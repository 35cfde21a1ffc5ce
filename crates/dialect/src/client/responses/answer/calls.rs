//! Calls of functions.

use serde::de::IgnoredAny;

use super::frames::Field;
use super::items::{Call, Item, Status};
use super::{Answer, ids};
use crate::client::wire::tool_call_id;

impl Answer {
    /// Takes a piece of a call. The first one of a call has its id and its name, the others have neither.
    pub(super) fn tool_call(
        &mut self,
        index: u32,
        id: Option<String>,
        name: Option<String>,
        arguments: &str,
        out: &mut Vec<u8>,
    ) {
        let is_same = |item: &Item| matches!(item, Item::Call(call) if call.index == index);
        let at = match self.items.iter().rposition(is_same) {
            Some(at) if self.open_call(at).is_some() => at,
            // Nothing can follow a call that is whole.
            Some(_) if id.is_none() && name.is_none() => return,
            _ => self.add_call(index, id, name.clone(), out),
        };
        if let Some(call) = self.call_mut(at).filter(|call| call.name.is_empty()) {
            call.name = name.unwrap_or_default();
        }
        self.push_arguments(at, arguments, out);
    }

    /// Ends the calls to which nothing can be added.
    pub(super) fn close_whole_calls(&mut self, out: &mut Vec<u8>) {
        for at in 0..self.items.len() {
            if self.open_call(at).is_some_and(|call| is_whole(&call.arguments)) {
                self.close_call(at, Status::Completed, out);
            }
        }
    }

    /// Ends all calls. In an answer that is cut short the ones with half their arguments are, too.
    pub(super) fn close_calls(&mut self, out: &mut Vec<u8>) {
        for at in 0..self.items.len() {
            let Some(call) = self.open_call(at) else { continue };
            let is_half = self.is_cut && !is_whole(&call.arguments);
            self.close_call(at, if is_half { Status::Incomplete } else { Status::Completed }, out);
        }
    }

    fn add_call(&mut self, index: u32, id: Option<String>, name: Option<String>, out: &mut Vec<u8>) -> usize {
        let given = id.filter(|id| !id.is_empty());
        let call = Call {
            index,
            id: ids::made_up("fc", &self.envelope.id, self.items.len()),
            call_id: given.unwrap_or_else(|| tool_call_id(&self.envelope.id, 0, index)),
            name: name.unwrap_or_default(),
            arguments: String::new(),
            status: Status::InProgress,
        };
        self.add(Item::Call(call), out)
    }

    fn push_arguments(&mut self, at: usize, arguments: &str, out: &mut Vec<u8>) {
        let Some(Item::Call(call)) = self.items.get_mut(at).filter(|_| !arguments.is_empty()) else { return };
        call.arguments.push_str(arguments);
        let fields = [
            ("item_id", Field::Text(&call.id)),
            ("output_index", Field::Index(at)),
            ("delta", Field::Text(arguments)),
        ];
        self.frames.write(out, "response.function_call_arguments.delta", &fields);
    }

    /// Ends a call. One without arguments has none.
    fn close_call(&mut self, at: usize, status: Status, out: &mut Vec<u8>) {
        if self.open_call(at).is_some_and(|call| call.arguments.trim().is_empty()) {
            self.push_arguments(at, "{}", out);
        }
        let Some(Item::Call(call)) = self.items.get_mut(at) else { return };
        call.status = status;
        let fields = [
            ("item_id", Field::Text(&call.id)),
            ("output_index", Field::Index(at)),
            ("name", Field::Text(&call.name)),
            ("arguments", Field::Text(&call.arguments)),
        ];
        self.frames.write(out, "response.function_call_arguments.done", &fields);
        self.item_done(at, out);
    }

    fn open_call(&self, at: usize) -> Option<&Call> {
        match self.items.get(at) {
            Some(Item::Call(call)) if call.status == Status::InProgress => Some(call),
            _ => None,
        }
    }

    fn call_mut(&mut self, at: usize) -> Option<&mut Call> {
        match self.items.get_mut(at) {
            Some(Item::Call(call)) => Some(call),
            _ => None,
        }
    }
}

/// Whether nothing can follow in a JSON text.
fn is_whole(json: &str) -> bool {
    json.trim_end().ends_with('}') && serde_json::from_str::<IgnoredAny>(json).is_ok()
}
