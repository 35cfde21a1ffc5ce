//! Reasoning that a model writes into its text between `<think>` and `</think>`.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Divides the text of one choice, whatever way it is cut. Only tags before any other text count.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    place: Place,
    /// Text that may turn out to begin a tag.
    held: String,
}

#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
enum Place {
    #[default]
    Before,
    Inside,
    After,
}

/// What a piece of text gave.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) reasoning: String,
    pub(super) text: String,
}

impl Splitter {
    pub(super) fn push(&mut self, piece: &str) -> Split {
        let mut split = Split::default();
        let mut text = std::mem::take(&mut self.held);
        text.push_str(piece);
        if self.place == Place::Before {
            let start = text.trim_start();
            if start.len() < OPEN.len() && OPEN.starts_with(start) {
                self.held = text;
                return split;
            }
            match start.strip_prefix(OPEN) {
                Some(rest) => {
                    self.place = Place::Inside;
                    text = rest.trim_start_matches('\n').to_owned();
                }
                None => self.place = Place::After,
            }
        }
        if self.place == Place::Inside {
            match text.find(CLOSE) {
                Some(at) => {
                    self.place = Place::After;
                    split.reasoning.push_str(&text[..at]);
                    text = text[at + CLOSE.len()..].trim_start().to_owned();
                }
                None => {
                    let kept =
                        (1..CLOSE.len()).rev().find(|n| text.ends_with(&CLOSE[..*n])).unwrap_or_default();
                    self.held = text.split_off(text.len() - kept);
                    split.reasoning = text;
                    return split;
                }
            }
        }
        split.text.push_str(&text);
        split
    }

    /// What is still held when the text ends.
    pub(super) fn end(&mut self) -> Split {
        let held = std::mem::take(&mut self.held);
        match self.place {
            Place::Inside => Split { reasoning: held, ..Split::default() },
            Place::Before | Place::After => Split { text: held, ..Split::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&str]) -> (String, String) {
        let mut splitter = Splitter::default();
        let mut all = (String::new(), String::new());
        let mut add = |split: Split| {
            all.0.push_str(&split.reasoning);
            all.1.push_str(&split.text);
        };
        for piece in pieces {
            add(splitter.push(piece));
        }
        add(splitter.end());
        all
    }

    #[test]
    fn reasoning_is_found_at_every_cut() {
        let text = "\n<think>\na < b </thin k\n</think>\n\nso <think> it is";
        for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            let (reasoning, said) = split(&[&text[..at], &text[at..]]);
            assert_eq!(
                (reasoning.trim(), said.trim()),
                ("a < b </thin k", "so <think> it is"),
                "cut at {at}"
            );
        }
    }

    #[test]
    fn text_without_tags_is_untouched() {
        assert_eq!(split(&["<", "b>x</b> <think>"]), (String::new(), "<b>x</b> <think>".to_owned()));
        assert_eq!(split(&["<think>never ends </th"]).0, "never ends </th");
    }
}
