//! What was asked and what was said: the oracle of tests that spend.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;

use crate::answer::Usage;
use crate::simulator::Call;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not ended yet.
    #[default]
    Open,
    /// Everything was handed to the connection.
    Complete,
    /// Answered with an error status.
    Failed,
    /// An error event, an end without finish reason, or garbage, as scripted.
    Spoiled,
    /// The connection was broken, as scripted.
    Cut,
    /// The client went away before the end.
    Disconnected,
}

/// One request. Tokens are what the simulator generated, whether or not its answer said so.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Entry {
    /// Counts from 1.
    pub id: u64,
    /// Unix milliseconds.
    pub at: u64,
    pub provider: String,
    pub dialect: &'static str,
    /// `chat`, `embeddings`, `images` and so on.
    pub operation: &'static str,
    pub model: String,
    pub stream: bool,
    /// The HTTP status, 0 when none was sent.
    pub status: u16,
    /// The id that the answer carries.
    pub response_id: String,
    pub request_id: String,
    /// The end of the key that the request carried.
    pub key_tail: Option<String>,
    /// What the script set.
    pub fault: Option<Value>,
    pub usage: Usage,
    /// Whether an answer that is complete says its usage.
    pub says_usage: bool,
    /// Generated tokens in frames that were handed to the connection.
    pub tokens_sent: u64,
    pub bytes_sent: u64,
    /// Whether a stall or a hang has begun.
    pub stalled: bool,
    pub client_disconnected: bool,
    pub outcome: Outcome,
    /// The request's body, when it is JSON and short enough.
    pub request: Option<Value>,
}

/// Sums over every request since the start or the last reset.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Totals {
    pub requests: u64,
    pub open: u64,
    pub complete: u64,
    pub failed: u64,
    pub disconnected: u64,
    pub faults: u64,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub tokens_sent: u64,
}

#[derive(Debug, Default)]
struct Book {
    last: u64,
    entries: VecDeque<Entry>,
    totals: BTreeMap<(String, String), Totals>,
}

/// The bounded log.
#[derive(Debug)]
pub(crate) struct Log {
    book: Mutex<Book>,
    capacity: usize,
}

impl Log {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { book: Mutex::default(), capacity }
    }

    /// Begins an entry, whose end is written when the record is dropped.
    pub(crate) fn open(self: &Arc<Self>, call: &Call, at: u64) -> Record {
        self.begin(&call.provider, call.dialect.name(), call.operation.name(), at)
    }

    fn begin(
        self: &Arc<Self>,
        provider: &str,
        dialect: &'static str,
        operation: &'static str,
        at: u64,
    ) -> Record {
        let mut book = self.book();
        book.last += 1;
        let entry = Entry {
            id: book.last,
            at,
            provider: provider.to_owned(),
            dialect,
            operation,
            ..Entry::default()
        };
        if book.entries.len() >= self.capacity {
            book.entries.pop_front();
        }
        if self.capacity > 0 {
            book.entries.push_back(entry.clone());
        }
        drop(book);
        Record { log: Arc::clone(self), entry, counted: false }
    }

    /// The entries after `after` that match, oldest first, at most `limit`.
    pub(crate) fn entries(&self, after: u64, limit: usize, matches: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let book = self.book();
        book.entries.iter().filter(|entry| entry.id > after && matches(entry)).take(limit).cloned().collect()
    }

    pub(crate) fn totals(&self) -> BTreeMap<(String, String), Totals> {
        self.book().totals.clone()
    }

    /// Forgets the entries; ids go on.
    pub(crate) fn clear(&self) {
        self.book().entries.clear();
    }

    pub(crate) fn reset(&self) {
        let mut book = self.book();
        book.entries.clear();
        book.totals.clear();
    }

    /// Counts a fast answer, which has no entry.
    pub(crate) fn count_fast(&self, provider: &str, prompt: u64, completion: u64) {
        let mut book = self.book();
        // A look-up without a new key: this is the path that benchmarks measure around.
        let key = (provider.to_owned(), String::new());
        let totals = book.totals.entry(key).or_default();
        totals.requests += 1;
        totals.prompt_tokens += prompt;
        totals.completion_tokens += completion;
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn replace(&mut self, entry: &Entry) {
        if let Ok(at) = self.entries.binary_search_by_key(&entry.id, |known| known.id) {
            self.entries[at] = entry.clone();
        }
    }

    fn of(&mut self, entry: &Entry) -> &mut Totals {
        self.totals.entry((entry.provider.clone(), entry.model.clone())).or_default()
    }
}

/// The entry of a request that goes on. Dropped before [`Record::end`] it says that the client went away.
#[derive(Debug)]
pub(crate) struct Record {
    log: Arc<Log>,
    pub(crate) entry: Entry,
    counted: bool,
}

impl Record {
    /// Shows what is known so far. From the first call on the request counts as open.
    pub(crate) fn publish(&mut self) {
        let mut book = self.log.book();
        book.replace(&self.entry);
        if !self.counted {
            self.counted = true;
            let totals = book.of(&self.entry);
            totals.requests += 1;
            totals.open += 1;
            totals.prompt_tokens += self.entry.usage.prompt;
            totals.completion_tokens += self.entry.usage.completion;
            totals.faults += u64::from(self.entry.fault.is_some());
        }
    }

    /// Says how it ended; the first word counts.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        if self.entry.outcome == Outcome::Open {
            self.entry.outcome = outcome;
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if self.entry.outcome == Outcome::Open {
            self.entry.outcome = Outcome::Disconnected;
            self.entry.client_disconnected = true;
        }
        self.publish();
        let mut book = self.log.book();
        let entry = &self.entry;
        let totals = book.of(entry);
        totals.open -= 1;
        totals.complete += u64::from(entry.outcome == Outcome::Complete);
        totals.failed += u64::from(entry.outcome == Outcome::Failed);
        totals.disconnected += u64::from(entry.client_disconnected);
        totals.tokens_sent += entry.tokens_sent;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_record_is_a_disconnect_and_the_log_is_bounded() {
        let log = Arc::new(Log::new(2));
        let mut first = log.begin("p", "openai", "chat", 0);
        first.end(Outcome::Complete);
        drop(first);
        drop(log.begin("p", "openai", "chat", 0));
        let open = log.begin("p", "gemini", "chat", 0);
        let outcomes: Vec<Outcome> = log.entries(0, 9, |_| true).iter().map(|entry| entry.outcome).collect();
        assert_eq!(outcomes, [Outcome::Disconnected, Outcome::Open]);
        drop(open);
        let totals = log.totals();
        let totals = totals.values().next().unwrap();
        assert_eq!((totals.requests, totals.complete, totals.disconnected, totals.open), (3, 1, 2, 0));
    }
}
