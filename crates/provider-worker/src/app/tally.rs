//! What an answer has come to so far.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dialect::canonical::{Event, FinishReason, Operation, Task};
use pricing::{Class, Source, Usage};

use super::job::Planned;
use super::tools::Calls;
use crate::count::{Counter, boundary};
use crate::meter;

/// Text is counted and dropped once there is this much of it.
const FOLD: usize = 16 * 1024;
/// Prompts of bodies up to this long are counted in passing.
const SMALL: usize = 4 * 1024;

/// How far an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// To its end: the provider's own count is of all of it.
    Whole,
    /// It was broken off: the provider's count, if there is one, may be of a part.
    Part,
}

/// How much content came, whoever got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Progress {
    pub(crate) deltas: u32,
    pub(crate) text_bytes: u64,
}

/// The tokens, texts and times of one answer.
pub(crate) struct Tally {
    began: Instant,
    pub(crate) first_content: Option<Instant>,
    last_content: Option<Instant>,
    pub(crate) progress: Progress,
    pub(crate) response_id: String,
    pub(crate) finish: Option<(FinishReason, String)>,
    reported: Option<Usage>,
    /// Completion tokens of the texts that were counted and dropped.
    counted: u64,
    /// Texts that are not counted yet.
    pending: String,
    prompt: Option<u64>,
    /// Images that came whole, and those that came unfinished.
    pictures: u64,
    sketches: u64,
    /// What is answered.
    operation: Operation,
    pub(crate) calls: Calls,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            first_content: None,
            last_content: None,
            progress: Progress::default(),
            response_id: String::new(),
            finish: None,
            reported: None,
            counted: 0,
            pending: String::new(),
            prompt: None,
            pictures: 0,
            sketches: 0,
            operation: Operation::Chat,
            calls: Calls::default(),
        }
    }

    /// A tally of an answer to `task`.
    pub(crate) fn of(task: &Task) -> Self {
        Self { operation: task.operation(), calls: Calls::of(task), ..Self::new() }
    }

    /// Takes note of an event on its way to the client.
    pub(crate) fn see(&mut self, event: &Event, counter: &Counter) {
        let before = self.pending.len();
        match event {
            Event::Start { id: Some(id), .. } => self.response_id.clone_from(id),
            Event::Text { text, .. } | Event::Refusal { text, .. } => self.pending.push_str(text),
            Event::Reasoning { detail, .. } => self.pending.push_str(detail.text().unwrap_or_default()),
            Event::ToolCall { name, arguments, .. } => {
                self.pending.push_str(name.as_deref().unwrap_or_default());
                self.pending.push_str(arguments);
            }
            Event::PartialImage { .. } => self.sketches += 1,
            Event::Finish { .. } | Event::Usage(_) | Event::Image { .. } => self.see_end(event),
            _ => {}
        }
        self.calls.see(event);
        self.progress.text_bytes += (self.pending.len() - before) as u64;
        if event.is_content() {
            let now = Instant::now();
            self.first_content.get_or_insert(now);
            self.last_content = Some(now);
            self.progress.deltas = self.progress.deltas.saturating_add(1);
        }
        if self.pending.len() > FOLD {
            self.fold(counter);
        }
    }

    /// Takes note of an event that nobody gets any more: only of what the provider says of the whole.
    pub(crate) fn see_end(&mut self, event: &Event) {
        match event {
            Event::Finish { choice, reason, native } if *choice == 0 || self.finish.is_none() => {
                self.finish = Some((*reason, native.clone()));
            }
            Event::Usage(usage) => self.reported = Some(*usage),
            Event::Image { .. } => self.pictures += 1,
            _ => {}
        }
    }

    /// Counts what can be counted without changing its tokens.
    fn fold(&mut self, counter: &Counter) {
        let cut =
            boundary(&self.pending).unwrap_or(if self.pending.len() > FOLD { self.pending.len() } else { 0 });
        self.counted += counter.count(&self.pending[..cut]);
        self.pending.drain(..cut);
    }

    pub(crate) fn has_content(&self) -> bool {
        self.first_content.is_some()
    }

    /// What came so far was not passed on and is not going to be.
    pub(crate) fn forget_content(&mut self) {
        self.first_content = None;
        self.last_content = None;
        self.progress = Progress::default();
        self.counted = 0;
        self.pictures = 0;
        self.sketches = 0;
        self.pending.clear();
    }

    /// Whether neither content nor a completion token nor a reason to have none came.
    pub(crate) fn is_empty(&self) -> bool {
        use FinishReason::{ContentFilter, Length, ToolCalls};
        !self.has_content()
            && !self.is_silence()
            && self.reported_completion() == 0
            && !matches!(self.finish, Some((ContentFilter | Length | ToolCalls, _)))
    }

    /// Whether a recording was heard in which nobody speaks.
    fn is_silence(&self) -> bool {
        self.operation == Operation::Transcription && self.finish.is_some()
    }

    /// Whether the customer owes nothing: no completion, and no end that says it is one, or nothing but images
    /// that were never finished.
    pub(crate) fn is_insured(&self) -> bool {
        if self.sketches > 0 && self.pictures == 0 {
            return true;
        }
        let has_end = match &self.finish {
            None | Some((FinishReason::Error, _)) => false,
            Some((_, native)) => !native.is_empty(),
        };
        !self.has_content() && self.reported_completion() == 0 && !has_end
    }

    fn reported_completion(&self) -> u64 {
        self.reported.and_then(|usage| usage.completion_tokens().ok()).unwrap_or_default()
    }

    /// Completion tokens, as far as they are known without counting.
    pub(crate) fn output_tokens(&self) -> u64 {
        self.reported_completion().max(self.counted).max(u64::from(self.progress.deltas))
    }

    /// When the endpoint was called.
    pub(crate) const fn began(&self) -> Instant {
        self.began
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Whether the provider has said how long the prompt is.
    fn has_prompt(&self) -> bool {
        self.reported.is_some_and(|usage| usage.prompt_tokens().is_ok_and(|tokens| tokens > 0))
    }

    /// Whether what was delivered can be counted here. The tokens of media and of reasoning that is not shown
    /// are known to the provider alone, which tells at the end: who leaves before it would not pay for them.
    pub(crate) fn is_countable(&self, planned: &Planned) -> bool {
        !self.has_content()
            || ((self.has_prompt() || !planned.job.has_media())
                && (self.reported_completion() > 0 || !planned.hides_reasoning()))
    }

    /// Whether [`Self::usage`] can answer without counting a long prompt.
    pub(crate) fn is_cheap(&self, planned: &Planned) -> bool {
        self.has_prompt() || self.prompt.is_some() || planned.job.start.body.len() <= SMALL
    }

    /// What was used: the provider's own numbers where it gave them for the whole, else the prompt and the
    /// delivered texts as counted here.
    pub(crate) async fn usage(
        &mut self,
        extent: Extent,
        planned: &Arc<Planned>,
        counter: &Counter,
    ) -> (Usage, Source) {
        let (usage, source) = match (self.reported, extent) {
            (Some(usage), Extent::Whole) => (usage, Source::Provider),
            (reported, _) => {
                let mut usage = reported.unwrap_or_default();
                if !self.has_prompt() {
                    usage.set(Class::Input, self.prompt(planned, counter).await);
                }
                let missing = self.delivered(counter).saturating_sub(self.reported_completion());
                usage.set(Class::Output, usage.get(Class::Output).saturating_add(missing));
                (usage, Counter::source(&planned.attempt().model))
            }
        };
        (meter::with_pieces(usage, &planned.book, &self.pieces(planned)), source)
    }

    /// What counts by the piece: of images, those that came.
    fn pieces(&self, planned: &Planned) -> Usage {
        planned.job.pieces().with(Class::Picture, self.pictures)
    }

    /// Completion tokens that were delivered, as counted here.
    fn delivered(&mut self, counter: &Counter) -> u64 {
        self.fold(counter);
        let rest = if self.pending.is_empty() { 0 } else { counter.count(&self.pending) };
        // Images and encrypted reasoning have no text, yet something was delivered. Vectors, ranks and sound are
        // no completion tokens.
        let speaks = self.operation == Operation::Chat;
        (self.counted + rest).max(u64::from(speaks && self.has_content()))
    }

    async fn prompt(&mut self, planned: &Arc<Planned>, counter: &Counter) -> u64 {
        if let Some(tokens) = self.prompt {
            return tokens;
        }
        let tokens = if planned.job.start.body.len() <= SMALL {
            counter.count_prompt(&planned.job.task)
        } else {
            let (planned, counter) = (Arc::clone(planned), *counter);
            let counted = tokio::task::spawn_blocking(move || counter.count_prompt(&planned.job.task));
            counted.await.unwrap_or_default()
        };
        *self.prompt.insert(tokens)
    }

    /// From the call to the first content.
    pub(crate) fn first_token(&self) -> Duration {
        self.first_content.map_or_else(|| self.began.elapsed(), |at| at.duration_since(self.began))
    }

    /// From the first content to the last.
    pub(crate) fn generation(&self) -> Duration {
        match (self.first_content, self.last_content) {
            (Some(first), Some(last)) => last.duration_since(first),
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Event {
        Event::Text { choice: 0, text: text.to_owned() }
    }

    #[test]
    fn counting_piece_by_piece_keeps_little_and_changes_nothing() {
        let counter = Counter;
        let words = "and then the quick brown fox jumps over the lazy dog ".repeat(2_000);
        let mut tally = Tally::new();
        for piece in words.as_bytes().chunks(7) {
            tally.see(&text(std::str::from_utf8(piece).unwrap()), &counter);
            assert!(tally.pending.len() <= FOLD + 7);
        }
        assert_eq!(tally.delivered(&counter), counter.count(&words));
    }

    #[test]
    fn only_an_answer_without_end_and_without_tokens_is_insured() {
        let counter = Counter;
        let finish = |reason, native: &str| Event::Finish { choice: 0, reason, native: native.to_owned() };
        let sketch = Event::PartialImage { index: 0, partial: 0, url: "data:image/png;base64,AA==".into() };
        for (events, empty, insured) in [
            (vec![], true, true),
            (vec![finish(FinishReason::Error, "OTHER")], true, true),
            (vec![finish(FinishReason::Stop, "")], true, true),
            (vec![finish(FinishReason::Stop, "stop")], true, false),
            (vec![finish(FinishReason::ContentFilter, "SAFETY")], false, false),
            (vec![Event::Usage(Usage::default().with(Class::Reasoning, 9))], false, false),
            (vec![text("x")], false, false),
            (vec![sketch.clone()], false, true),
            (
                vec![sketch, Event::Image { choice: 0, url: "data:image/png;base64,AA==".into() }],
                false,
                false,
            ),
        ] {
            let mut tally = Tally::new();
            events.iter().for_each(|event| tally.see(event, &counter));
            assert_eq!((tally.is_empty(), tally.is_insured()), (empty, insured), "{events:?}");
        }
    }
}
