//! English that stays on the subject of the prompt.

use crate::seed::Dice;

/// Words that are no subject.
const COMMON: &[&str] = &[
    "about", "after", "again", "also", "answer", "because", "been", "being", "between", "both", "could",
    "does", "done", "each", "explain", "from", "give", "have", "hello", "here", "into", "just", "know",
    "like", "list", "make", "many", "more", "most", "much", "need", "only", "other", "over", "please",
    "reply", "respond", "return", "same", "say", "show", "should", "some", "such", "tell", "than", "that",
    "their", "them", "then", "there", "these", "they", "this", "those", "three", "using", "very", "want",
    "were", "what", "when", "where", "which", "while", "will", "with", "word", "words", "would", "write",
    "your",
];

const FALLBACK: &[&str] = &["the question", "the context", "the next step", "the details", "the goal"];

/// `{a}` and `{b}` are subjects.
const SENTENCES: &[&str] = &[
    "A good place to start is {a}, because most of the rest follows from it.",
    "In practice {a} and {b} influence each other, so it helps to look at them together.",
    "The usual mistake is to treat {a} as a detail and to discover its weight later.",
    "If {b} changes, {a} should be looked at again before anything is decided.",
    "There are three things to keep in mind about {a}: what it costs, who depends on it, and how it fails.",
    "A small experiment with {a} tells more than a long discussion of {b}.",
    "What matters about {a} is not its size but how well it fits the purpose.",
    "Compared with {b}, {a} is easier to measure and harder to change.",
    "Once {a} is settled, {b} becomes a matter of routine.",
    "It is worth writing down what is known about {a} and what is only assumed.",
    "People who work with {a} every day tend to value {b} more than newcomers do.",
    "When in doubt, prefer the version of {a} that is simplest to explain.",
    "The connection between {a} and {b} is looser than it seems at first.",
    "None of this is specific to {a}, but {a} shows it most clearly.",
    "A short checklist for {a} saves time and prevents surprises.",
    "For {a}, the order of the steps matters more than their speed.",
    "The evidence on {b} is mixed, while the evidence on {a} is fairly consistent.",
    "Finally, review {a} after a while; the first answer is rarely the last one.",
];

const THOUGHTS: &[&str] = &[
    "The user wants to know about {a}.",
    "First I should work out how {a} relates to {b}.",
    "Let me consider {b} for a moment.",
    "One possible reading is that {a} comes first.",
    "The other reading would put {b} in front, which seems less likely.",
    "I should check whether {a} has any exceptions.",
    "That leaves {b}, which can be answered briefly.",
    "So the answer should begin with {a} and stay short.",
];

/// An endless text in sentences, each but the first with a leading space.
#[derive(Debug)]
pub(crate) struct Prose {
    subjects: Vec<String>,
    sentences: &'static [&'static str],
    next: usize,
    written: usize,
    dice: Dice,
}

impl Prose {
    /// An answer on the prompt's subjects.
    pub(crate) fn answer(prompt: &str, dice: Dice) -> Self {
        Self::new(prompt, SENTENCES, dice)
    }

    /// Thoughts on the prompt's subjects.
    pub(crate) fn thoughts(prompt: &str, dice: Dice) -> Self {
        Self::new(prompt, THOUGHTS, dice)
    }

    fn new(prompt: &str, sentences: &'static [&'static str], mut dice: Dice) -> Self {
        let mut subjects = subjects(prompt);
        if subjects.len() < 2 {
            subjects.extend(FALLBACK.iter().map(|word| (*word).to_owned()));
        }
        let next = if sentences.len() == THOUGHTS.len() { 0 } else { dice.index(sentences.len()) };
        Self { subjects, sentences, next, written: 0, dice }
    }

    pub(crate) fn sentence(&mut self) -> String {
        let template = self.sentences[self.next % self.sentences.len()];
        self.next += 1;
        let first = self.dice.index(self.subjects.len());
        let second = (first + 1 + self.dice.index(self.subjects.len() - 1)) % self.subjects.len();
        let text = template.replace("{a}", &self.subjects[first]).replace("{b}", &self.subjects[second]);
        self.written += 1;
        let text = capitalised(&text);
        if self.written == 1 { text } else { format!(" {text}") }
    }
}

/// The words of a text that may be its subject, in order, each once, at most 12.
pub(crate) fn subjects(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for word in text.split(|character: char| !character.is_alphanumeric() && character != '-') {
        let word = word.trim_matches('-').to_lowercase();
        let length = word.chars().count();
        let subject = (4..=30).contains(&length) && !COMMON.contains(&word.as_str());
        if subject && !found.contains(&word) {
            found.push(word);
        }
        if found.len() == 12 {
            break;
        }
    }
    found
}

/// What a text names: quoted parts first, then capitalised words that do not begin a sentence.
pub(crate) fn names(text: &str) -> Vec<String> {
    let mut names: Vec<String> = text
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::trim)
        .filter(|quoted| !quoted.is_empty() && quoted.len() <= 80)
        .map(str::to_owned)
        .collect();
    let mut begins = true;
    for word in text.split_whitespace() {
        let bare = word.trim_matches(|character: char| !character.is_alphanumeric());
        let capital = bare.chars().next().is_some_and(char::is_uppercase) && bare.len() > 1;
        if capital && !begins && !names.iter().any(|name| name == bare) {
            names.push(bare.to_owned());
        }
        begins = word.ends_with(['.', '!', '?', ':']);
    }
    names.truncate(12);
    names
}

/// What the prompt wants repeated: `Reply with "pong"`, `say hello`, `answer only: yes`.
pub(crate) fn wanted(prompt: &str) -> Option<String> {
    let trimmed = prompt.trim();
    if trimmed.len() > 200 {
        return None;
    }
    let lower = trimmed.to_ascii_lowercase();
    let rest = ["please ", "just "]
        .iter()
        .fold(lower.as_str(), |rest, word| rest.strip_prefix(word).unwrap_or(rest));
    let verbs = ["say ", "reply with ", "respond with ", "answer with ", "repeat ", "echo ", "return "];
    let mut rest = verbs.iter().find_map(|verb| rest.strip_prefix(verb))?;
    for filler in ["exactly ", "only ", "just ", "the word ", "the text ", "this: "] {
        rest = rest.strip_prefix(filler).unwrap_or(rest);
    }
    // ASCII lower case keeps byte positions.
    let original = &trimmed[trimmed.len() - rest.len()..];
    let plain = original.trim_start_matches(':').trim().trim_matches(['"', '\'', '`', '“', '”']);
    let plain = plain.trim_end_matches(['"', '.', '!']).trim();
    (!plain.is_empty() && plain.split_whitespace().count() <= 12).then(|| plain.to_owned())
}

/// The beginning of a text on one line, at most about 80 characters.
pub(crate) fn excerpt(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 80 {
        return line;
    }
    let cut: String = line.chars().take(77).collect();
    format!("{}...", cut.rsplit_once(' ').map_or(cut.as_str(), |(head, _)| head))
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_about_the_prompt_and_repeats() {
        let write = || {
            let mut prose = Prose::answer("How do volcanoes shape islands?", Dice::new(3));
            (0..5).map(|_| prose.sentence()).collect::<String>()
        };
        assert_eq!(write(), write());
        assert!(write().to_lowercase().contains("volcanoes"));
        assert_eq!(subjects("How do volcanoes shape islands?"), ["volcanoes", "shape", "islands"]);
    }

    #[test]
    fn wishes_and_names_are_found() {
        assert_eq!(wanted("Reply with exactly \"Pong\"."), Some("Pong".to_owned()));
        assert_eq!(wanted("Please say hello"), Some("hello".to_owned()));
        assert_eq!(wanted("What is a pong?"), None);
        assert_eq!(
            names("What is the weather in New York and \"Old Town\"?"),
            ["Old Town", "New", "York", "Old", "Town"]
        );
        assert!(excerpt(&"word ".repeat(50)).ends_with("..."));
    }
}
