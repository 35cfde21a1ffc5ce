//! Texts that people write of things, for other people to read: names, labels, reasons, descriptions.
//!
//! Each shows as it is, see [`rpc::text`].

use dialect::error::BadRequest;
use rpc::text::Unshown;

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
    #[error("{member}: {unshown}")]
    Unshown { member: String, unshown: Unshown },
}

impl UserFacing for BadText {
    fn refusal(self) -> Refusal {
        BadRequest::new(self.to_string()).refusal()
    }
}

fn shown(member: &str, text: &str, is_allowed: fn(char) -> bool) -> Result<(), BadText> {
    rpc::text::shown_but(text, is_allowed)
        .map_err(|unshown| BadText::Unshown { member: member.to_owned(), unshown })
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
            assert_eq!(refused(&format!("a{character}b")), character);
        }
    }

    /// The character that a name is refused for.
    fn refused(name: &str) -> char {
        match line("name", name, 100) {
            Err(BadText::Unshown { unshown, .. }) => unshown.0,
            other => panic!("{name:?}: {other:?}"),
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
