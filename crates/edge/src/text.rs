//! Texts that people write of things, for other people to read: names, labels, reasons, descriptions.
//!
//! None of them shows otherwise than it is: without controls, without what breaks a line or turns the direction of reading
//! where nobody sees it, and without what shows nothing, so that two texts that look the same are the same.

use dialect::error::BadRequest;
use icu_properties::props::{DefaultIgnorableCodePoint, VariationSelector};
use icu_properties::{CodePointSetData, CodePointSetDataBorrowed};

use crate::http::reply::{Refusal, UserFacing};

/// Characters of a name where nothing else is said.
pub(crate) const LONGEST_NAME: usize = 200;
/// Characters of a reference, such as what a bank's statement says.
pub(crate) const LONGEST_REFERENCE: usize = 200;
/// Characters of a reason.
const LONGEST_REASON: usize = 1_000;

/// A text cannot be kept as it is.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadText {
    #[error("{member}: use 1 to {longest} characters, not spaces alone")]
    Length { member: String, longest: usize },
    #[error("{member}: use at most {longest} characters")]
    TooLong { member: String, longest: usize },
    #[error(
        "{member}: leave out `U+{unshown:04X}`: control characters, line separators, what changes the direction of \
         text and what shows nothing are not kept"
    )]
    Unshown { member: String, unshown: u32 },
}

impl UserFacing for BadText {
    fn refusal(self) -> Refusal {
        BadRequest::new(self.to_string()).refusal()
    }
}

/// Whether this shows nothing, and may change how the text around it reads. Unicode names most of them.
fn is_unshown(character: char) -> bool {
    const IGNORABLE: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    // What Unicode wants shown where somebody reads text as code: separators, a blank of Braille, marks of annotations.
    let is_blank = matches!(character, '\u{2028}' | '\u{2029}' | '\u{2800}' | '\u{fff9}'..='\u{fffb}');
    character.is_control() || is_blank || IGNORABLE.contains(character)
}

/// Whether what shows nothing by itself is where emoji and some scripts need it: a joiner between two characters beyond
/// ASCII, what chooses among the looks of a character right after one, or between a digit and its keycap.
fn is_in_place(before: Option<char>, character: char, after: Option<char>) -> bool {
    const SELECTORS: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<VariationSelector>();
    let is_foreign = |of: char| !of.is_ascii() && !of.is_whitespace();
    match (before, after) {
        (Some(before), Some(after)) if matches!(character, '\u{200c}' | '\u{200d}') => {
            is_foreign(before) && is_foreign(after) && !is_unshown(after)
        }
        (Some(before), after) if SELECTORS.contains(character) => {
            !is_unshown(before) && (is_foreign(before) || after == Some('\u{20e3}'))
        }
        _ => false,
    }
}

fn shown(member: &str, text: &str, is_allowed: fn(char) -> bool) -> Result<(), BadText> {
    let (mut before, mut rest) = (None, text.chars().peekable());
    while let Some(character) = rest.next() {
        let is_kept = !is_unshown(character)
            || is_allowed(character)
            || is_in_place(before, character, rest.peek().copied());
        if !is_kept {
            return Err(BadText::Unshown { member: member.to_owned(), unshown: character.into() });
        }
        before = Some(character);
    }
    Ok(())
}

/// A name, in one line: 1 to `longest` characters, not spaces alone.
///
/// # Errors
/// [`BadText`], which names the member.
pub(crate) fn line(member: &str, text: &str, longest: usize) -> Result<(), BadText> {
    if text.trim().is_empty() || text.chars().count() > longest {
        return Err(BadText::Length { member: member.to_owned(), longest });
    }
    shown(member, text, |_| false)
}

/// The same, where there may be none.
///
/// # Errors
/// [`BadText`], which names the member.
pub(crate) fn optional_line(member: &str, text: &str, longest: usize) -> Result<(), BadText> {
    if text.is_empty() { Ok(()) } else { line(member, text, longest) }
}

/// Up to `longest` characters, in lines and with tabs if they like.
///
/// # Errors
/// [`BadText`], which names the member.
pub(crate) fn note(member: &str, text: &str, longest: usize) -> Result<(), BadText> {
    if text.chars().count() > longest {
        return Err(BadText::TooLong { member: member.to_owned(), longest });
    }
    shown(member, text, |character| matches!(character, '\n' | '\r' | '\t'))
}

/// Why somebody did something, or what they say of it: as [`note`], of a common length.
///
/// # Errors
/// [`BadText`], which names the member.
pub(crate) fn reason(member: &str, text: &str) -> Result<(), BadText> {
    note(member, text, LONGEST_REASON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_that_shows_as_it_is() {
        for text in ["a", "Größe 5 👩‍👧", "نام‌ها", "  a  ", "❤️‍🔥 1️⃣ ❤︎", "葛\u{e0100}城", "👁️‍🗨️"]
        {
            assert_eq!(line("name", text, 100), Ok(()), "{text:?}");
        }
        for text in ["", " ", "\u{3000}", "\t", &"x".repeat(101)] {
            assert_eq!(
                line("name", text, 100).unwrap_err().to_string(),
                "name: use 1 to 100 characters, not spaces alone",
                "{text:?}"
            );
        }
        let hidden =
            "\0\u{1}\t\n\r\u{1b}\u{7f}\u{85}\u{9f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}\u{feff}";
        for character in hidden.chars() {
            assert_eq!(refused(&format!("a{character}b")), u32::from(character));
        }
    }

    /// The character that a name is refused for.
    fn refused(name: &str) -> u32 {
        match line("name", name, 100) {
            Err(BadText::Unshown { unshown, .. }) => unshown,
            other => panic!("{name:?}: {other:?}"),
        }
    }

    #[test]
    fn what_shows_nothing_is_refused_wherever_it_stands() {
        let mut unshown = vec![0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x180e, 0x2800, 0x3164, 0xfeff, 0xffa0];
        for range in [0x200b..=0x200b, 0x200e..=0x200f, 0x2060..=0x206f, 0xfff9..=0xfffb, 0xe0000..=0xe007f] {
            unshown.extend(range);
        }
        for code in unshown {
            let character = char::from_u32(code).unwrap();
            for name in [
                format!("a{character}b"),
                format!("é{character}é"),
                format!("a{character}"),
                character.into(),
            ] {
                assert_eq!(refused(&name), code, "{name:?}");
            }
        }
        for code in ["200c", "200d", "fe0f", "e0100"] {
            let code = u32::from_str_radix(code, 16).unwrap();
            let character = char::from_u32(code).unwrap();
            for name in [
                format!("a{character}b"),
                format!("1{character}"),
                format!("{character}é"),
                format!("é{character}{character}é"),
                format!(" {character} "),
                format!("\u{3000}{character}é"),
                character.into(),
            ] {
                assert_eq!(refused(&name), code, "{name:?}");
            }
        }
        for name in ["é\u{200d}", "é\u{200d}b", "é\u{200d}\u{3000}é", "\u{200d}\u{fe0f}é"] {
            assert_eq!(refused(name), 0x200d, "{name:?}");
        }
    }

    #[test]
    fn a_note_has_lines_and_tabs_and_nothing_else_that_is_hidden() {
        assert_eq!(note("description", "", 9), Ok(()));
        assert_eq!(note("description", "a\tb\r\nc", 9), Ok(()));
        assert!(note("description", "a\u{202e}b", 9).is_err() && note("description", "a\0", 9).is_err());
        assert!(note("description", "0123456789", 9).unwrap_err().to_string().contains("at most 9"));
        assert_eq!(optional_line("name", "", 9), Ok(()));
        assert!(optional_line("name", " ", 9).is_err());
    }
}
