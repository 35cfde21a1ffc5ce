//! What a conversation is about, in one word: for router models, which choose a model by it.
//!
//! The rules are a table of words, [`words::TABLE`], and three facts; `docs/reference/classifier.md` tells
//! how they are read and tuned. The same conversation always gets the same word, and no model is asked.

mod words;

use dialect::canonical::{Message, PartKind, Request, Speaker};
use memchr::memmem;
use words::{Look, Rules, TABLE, Task};

/// Bytes of the user's last message, and of the system prompt, that are looked at.
const LOOKED_AT: usize = 8 * 1_024;
/// What the user says counts so many times what the system prompt says.
const OF_USER: u32 = 2;
/// The system prompt gives a task no more than this, however long it is.
const OF_SYSTEM: u32 = 4;
/// With less than this no task is made out.
const ENOUGH: u32 = 4;
/// What a fact gives its task.
const OF_TOOLS: u32 = 4;
const OF_IMAGES: u32 = 6;
const OF_LENGTH: u32 = 8;
/// Bytes of text of which a prompt counts as long: about 40,000 tokens.
const LONG: u64 = 160_000;

/// What nothing else fits.
pub(super) const OTHERWISE: &str = "chat";

/// What is known of a request without reading it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts {
    pub(super) has_tools: bool,
    pub(super) has_images: bool,
    /// Of the whole body.
    pub(super) text_bytes: u64,
}

/// The word for a conversation: see [`classify`].
pub(super) fn conversation(request: &Request, facts: Facts) -> &'static str {
    let is_system = |turn: &&Message| matches!(turn.speaker, Speaker::System | Speaker::Developer);
    let user = request.messages.iter().rfind(|turn| turn.speaker == Speaker::User);
    let system = text(request.messages.iter().filter(is_system));
    classify(&text(user.into_iter()), &system, facts)
}

/// `code`, `math`, `translation`, `summarization`, `extraction`, `classification`, `creative`, `reasoning`,
/// `agent`, `vision`, `long_context`, or `chat` when nothing speaks clearly for one of them. Of equals the
/// first of these wins.
pub(super) fn classify(user: &str, system: &str, facts: Facts) -> &'static str {
    let (user, system) = (Text::of(user), Text::of(system));
    let (mut best, mut most) = (OTHERWISE, ENOUGH - 1);
    for (task, rules) in TABLE {
        let said = user.score(rules) * OF_USER + system.score(rules).min(OF_SYSTEM);
        let score = match task {
            Task::Agent => said + if facts.has_tools { OF_TOOLS } else { 0 },
            // Without a picture it is talk about pictures.
            Task::Vision => {
                if facts.has_images {
                    said + OF_IMAGES
                } else {
                    0
                }
            }
            Task::LongContext => {
                if facts.text_bytes >= LONG {
                    said + OF_LENGTH
                } else {
                    0
                }
            }
            _ => said,
        };
        if score > most {
            (best, most) = (task.as_str(), score);
        }
    }
    best
}

/// The first texts of some turns, as far as they are looked at.
fn text<'m>(turns: impl Iterator<Item = &'m Message>) -> String {
    let mut all = String::new();
    for part in turns.flat_map(|turn| &turn.content) {
        let PartKind::Text(text) = &part.kind else { continue };
        let room = LOOKED_AT.saturating_sub(all.len());
        if room == 0 {
            break;
        }
        all.push_str(&text[..text.floor_char_boundary(room)]);
        all.push('\n');
    }
    all
}

/// A text as it is looked at.
struct Text<'t> {
    raw: &'t str,
    /// In lower case, with a blank for whatever is between words, and one before and after.
    words: String,
}

impl<'t> Text<'t> {
    fn of(text: &'t str) -> Self {
        let raw = &text[..text.floor_char_boundary(LOOKED_AT)];
        let mut words = String::with_capacity(raw.len() + 2);
        words.push(' ');
        for letter in raw.chars().flat_map(char::to_lowercase) {
            if letter.is_alphanumeric() {
                words.push(letter);
            } else if !words.ends_with(' ') {
                words.push(' ');
            }
        }
        if !words.ends_with(' ') {
            words.push(' ');
        }
        Self { raw, words }
    }

    /// The sum over what is found; each alternative counts once.
    fn score(&self, rules: Rules) -> u32 {
        let count = |(look, weight, sought): &(Look, u32, &str)| {
            let found = sought.split('|').filter(|sought| match look {
                Look::Words => has_words(&self.words, sought),
                Look::Marks => memmem::find(self.raw.as_bytes(), sought.as_bytes()).is_some(),
            });
            found.map(|_| weight).sum::<u32>()
        };
        rules.iter().map(count).sum()
    }
}

/// Whether words are in a text of [`Text::words`], as [`words`] tells.
fn has_words(text: &str, sought: &str) -> bool {
    let (may_go_before, sought) = sought.strip_prefix('*').map_or((false, sought), |rest| (true, rest));
    let (may_go_on, sought) = sought.strip_suffix('*').map_or((false, sought), |rest| (true, rest));
    let text = text.as_bytes();
    let is_blank = |at: Option<usize>| at.and_then(|at| text.get(at)).is_none_or(|byte| *byte == b' ');
    memmem::find_iter(text, sought.as_bytes()).any(|at| {
        (may_go_before || is_blank(at.checked_sub(1))) && (may_go_on || is_blank(Some(at + sought.len())))
    })
}

#[cfg(test)]
mod tests;
