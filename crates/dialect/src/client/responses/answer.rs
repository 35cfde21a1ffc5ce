//! Writes answers. Events become items of the output, one after the other; a streamed answer tells of every
//! step, a whole one is the response alone.

mod body;
mod calls;
mod echo;
mod frames;
mod items;
mod texts;
mod thoughts;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::ids;
use crate::canonical::{Event, FinishReason, Request};
use crate::client::debug::{Debug, in_one_line};
use crate::client::tier;
use crate::client::wire::append;
use crate::client::{AnswerEncoder, Bill, Dialect, Envelope, PublicError};
use crate::error::ErrorType;
use body::{Outcome, Response};
use echo::Echo;
use frames::{Field, Frames};
use items::{Image, Item, Message, Status};

/// The writer of one answer.
pub(super) struct Answer {
    envelope: Envelope,
    echo: Echo,
    frames: Frames,
    has_begun: bool,
    items: Vec<Item>,
    /// The item that further pieces may belong to. Calls are not it: they are told apart by their index.
    open: Option<usize>,
    /// Log probabilities of the text that comes next.
    logprobs: Vec<Value>,
    /// Characters of all text so far.
    characters: usize,
    finish: Option<FinishReason>,
    service_tier: Option<String>,
    /// The answer ends before its time.
    is_cut: bool,
}

impl Answer {
    pub(super) fn new(envelope: Envelope, request: Option<&Request>, stream: bool) -> Self {
        Self {
            echo: request.map(Echo::of).unwrap_or_default(),
            frames: Frames::new(stream),
            has_begun: false,
            items: Vec::new(),
            open: None,
            logprobs: Vec::new(),
            characters: 0,
            finish: None,
            service_tier: envelope.service_tier.clone(),
            envelope,
            is_cut: false,
        }
    }

    fn response<'a>(&'a self, outcome: Outcome<'a>, bill: Option<&'a Bill>) -> Response<'a> {
        Response {
            envelope: &self.envelope,
            echo: &self.echo,
            items: &self.items,
            outcome,
            service_tier: self.service_tier.as_deref(),
            bill,
        }
    }

    fn write_response(
        &mut self,
        kind: &'static str,
        outcome: Outcome<'_>,
        bill: Option<&Bill>,
        out: &mut Vec<u8>,
    ) {
        let sequence = self.frames.next();
        let response = self.response(outcome, bill);
        frames::write(out, kind, sequence, &[("response", Field::Response(&response))]);
    }

    /// The frames that every stream begins with.
    fn begin(&mut self, is_going_on: bool, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.has_begun, true) || !self.frames.is_streamed() {
            return;
        }
        self.write_response("response.created", Outcome::InProgress, None, out);
        if is_going_on {
            self.write_response("response.in_progress", Outcome::InProgress, None, out);
        }
    }

    fn made_up(&self, kind: &str) -> String {
        ids::made_up(kind, &self.envelope.id, self.items.len())
    }

    /// Adds an item, which ends the one before it. Calls whose arguments are whole end, too.
    fn add(&mut self, item: Item, out: &mut Vec<u8>) -> usize {
        self.close_open(out);
        self.close_whole_calls(out);
        let at = self.items.len();
        self.items.push(item);
        self.frames.write(
            out,
            "response.output_item.added",
            &[("output_index", Field::Index(at)), ("item", Field::Item(&self.items[at]))],
        );
        at
    }

    fn item_done(&mut self, at: usize, out: &mut Vec<u8>) {
        self.frames.write(
            out,
            "response.output_item.done",
            &[("output_index", Field::Index(at)), ("item", Field::Item(&self.items[at]))],
        );
    }

    fn close_open(&mut self, out: &mut Vec<u8>) {
        let Some(at) = self.open.take() else { return };
        match self.items[at] {
            Item::Message(_) => self.close_message(at, out),
            Item::Reasoning(_) => self.close_reasoning(at, out),
            _ => {}
        }
    }

    fn image(&mut self, url: String, out: &mut Vec<u8>) {
        let mut image = Image::of(self.made_up("ig"), url);
        let result = image.result.take();
        let at = self.add(Item::Image(image), out);
        let id = self.items[at].id().to_owned();
        for step in
            ["response.image_generation_call.in_progress", "response.image_generation_call.generating"]
        {
            self.frames.write(
                out,
                step,
                &[("item_id", Field::Text(&id)), ("output_index", Field::Index(at))],
            );
        }
        if let Item::Image(image) = &mut self.items[at] {
            image.result = result;
            image.status = Status::Completed;
        }
        let fields = [("item_id", Field::Text(&id)), ("output_index", Field::Index(at))];
        self.frames.write(out, "response.image_generation_call.completed", &fields);
        self.item_done(at, out);
    }

    /// An item as its provider sent it, or only what a provider said of the message that comes next.
    fn native(&mut self, value: Value, out: &mut Vec<u8>) {
        if value["type"] == "message" {
            let text = |name: &str| value[name].as_str().map(str::to_owned);
            let message = Message::new(text("id").unwrap_or_else(|| self.made_up("msg")), text("phase"));
            self.open = Some(self.add(Item::Message(message), out));
            return;
        }
        let at = self.add(Item::Native(value), out);
        self.item_done(at, out);
    }

    fn extra(&mut self, mut members: Map<String, Value>, out: &mut Vec<u8>) {
        if let Some(Value::Array(annotations)) = members.remove("annotations") {
            for annotation in annotations {
                self.annotate(&annotation, out);
            }
        }
    }

    fn choice_extra(&mut self, mut members: Map<String, Value>) {
        if let Some(Value::Array(content)) =
            members.get_mut("logprobs").and_then(|logprobs| Some(logprobs.get_mut("content")?.take()))
        {
            self.logprobs.extend(content);
        }
    }

    /// Ends everything that is open; where the answer is cut short, its last item is, too.
    fn close(&mut self, is_cut: bool, out: &mut Vec<u8>) {
        self.is_cut = is_cut;
        self.close_open(out);
        self.close_calls(out);
    }

    fn end(&mut self, outcome: Outcome<'_>, bill: Option<&Bill>, out: &mut Vec<u8>) {
        if self.frames.is_streamed() {
            self.write_response(outcome.event(), outcome, bill, out);
            out.extend_from_slice(b"data: [DONE]\n\n");
        } else {
            append(out, &self.response(outcome, bill));
        }
    }
}

/// What is too long once an answer was begun is an answer that was cut short.
const fn is_length(error_type: ErrorType) -> bool {
    matches!(
        error_type,
        ErrorType::ContextLengthExceeded
            | ErrorType::MaxTokensExceeded
            | ErrorType::TokenLimitExceeded
            | ErrorType::StringTooLong
    )
}

impl AnswerEncoder for Answer {
    fn echo(&mut self, body: &RawValue, out: &mut Vec<u8>) {
        self.begin(true, out);
        let body = in_one_line(body);
        let debug = Debug { echo_upstream_body: &body };
        self.frames.write(out, "response.debug", &[("debug", Field::Debug(debug))]);
    }

    fn event(&mut self, event: Event, out: &mut Vec<u8>) {
        self.begin(true, out);
        match event {
            Event::Text { choice: 0, text } => self.text(&text, out),
            Event::Refusal { choice: 0, text } => self.refusal(&text, out),
            Event::Reasoning { choice: 0, detail } => self.reasoning(detail, out),
            Event::ToolCall { choice: 0, index, id, name, arguments } => {
                self.tool_call(index, id, name, &arguments, out);
            }
            Event::Image { choice: 0, url } => self.image(url, out),
            Event::Extra { choice: 0, members } => self.extra(members, out),
            Event::ChoiceExtra { choice: 0, members } => self.choice_extra(members),
            Event::Native { dialect: Dialect::Responses, value } => self.native(value, out),
            Event::Finish { choice: 0, reason, .. } => self.finish = Some(reason),
            Event::ServiceTier(tier) => self.service_tier = Some(tier::public(&tier).to_owned()),
            // A response is one answer, and the rest has no place in it.
            _ => {}
        }
    }

    fn finish(&mut self, bill: &Bill, out: &mut Vec<u8>) {
        self.begin(true, out);
        let outcome = match self.finish.unwrap_or(FinishReason::Stop) {
            FinishReason::Stop | FinishReason::ToolCalls => Outcome::Completed,
            FinishReason::Length => Outcome::Incomplete("max_output_tokens"),
            FinishReason::ContentFilter => Outcome::Incomplete("content_filter"),
            FinishReason::Error => Outcome::Failed {
                error_type: ErrorType::ProviderUnavailable,
                message: "the provider ended its answer with an error",
            },
        };
        self.close(!matches!(outcome, Outcome::Completed), out);
        self.end(outcome, Some(bill), out);
    }

    fn fail(&mut self, error: &PublicError, bill: Option<&Bill>, out: &mut Vec<u8>) {
        self.begin(false, out);
        self.close(true, out);
        let outcome = if is_length(error.error_type) {
            Outcome::Incomplete("max_output_tokens")
        } else {
            Outcome::Failed { error_type: error.error_type, message: &error.message }
        };
        self.end(outcome, bill, out);
    }
}
