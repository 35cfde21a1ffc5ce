//! What no text may hold that one person writes and another reads, whichever service takes it in.
//!
//! None shows otherwise than it is: without controls, without what breaks a line or turns the direction of reading where
//! nobody sees it, and without what shows nothing but where emoji and some scripts need it.

use icu_properties::props::{DefaultIgnorableCodePoint, VariationSelector};
use icu_properties::{CodePointSetData, CodePointSetDataBorrowed};

/// The first character of a text that may not be in it. What it says is to be put after the text's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "leave out `U+{:04X}`: control characters, line separators, what changes the direction of text and what shows nothing \
     are not kept",
    u32::from(*.0)
)]
pub struct Unshown(pub char);

/// Whether a text shows as it is.
///
/// # Errors
/// [`Unshown`].
pub fn shown(text: &str) -> Result<(), Unshown> {
    shown_but(text, |_| false)
}

/// As [`shown`], where characters are allowed, such as the ends of lines in a text of several.
///
/// # Errors
/// [`Unshown`].
pub fn shown_but(text: &str, is_allowed: fn(char) -> bool) -> Result<(), Unshown> {
    let (mut before, mut rest) = (None, text.chars().peekable());
    while let Some(character) = rest.next() {
        let is_kept = !is_unshown(character)
            || is_allowed(character)
            || is_in_place(before, character, rest.peek().copied());
        if !is_kept {
            return Err(Unshown(character));
        }
        before = Some(character);
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_shows_as_it_is() {
        for text in [
            "",
            "GPT-4o (mini)",
            "Größe 5 👩‍👧",
            "نام‌ها",
            "通义千问",
            "  a  ",
            "❤️‍🔥 1️⃣ ❤︎",
            "葛\u{e0100}城",
            "👁️‍🗨️",
        ] {
            assert_eq!(shown(text), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn what_shows_nothing_is_found_wherever_it_stands() {
        let mut unshowing = vec![0x00, 0x01, 0x09, 0x0a, 0x0d, 0x1b, 0x7f, 0x85, 0x9f, 0x2028, 0x2029];
        unshowing
            .extend([0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x180e, 0x2800, 0x3164, 0xfeff, 0xffa0, 0x200b]);
        for range in [0x200e..=0x200f, 0x202a..=0x202e, 0x2060..=0x206f, 0xfff9..=0xfffb, 0xe0000..=0xe007f] {
            unshowing.extend(range);
        }
        for character in unshowing.into_iter().filter_map(char::from_u32) {
            for text in [format!("a{character}b"), format!("é{character}é"), character.into()] {
                assert_eq!(shown(&text), Err(Unshown(character)), "{text:?}");
            }
        }
    }

    #[test]
    fn what_joins_or_chooses_looks_is_found_where_nothing_needs_it() {
        for character in ['\u{200c}', '\u{200d}', '\u{fe0f}', '\u{e0100}'] {
            for text in [
                format!("a{character}b"),
                format!("1{character}"),
                format!("{character}é"),
                format!("é{character}{character}é"),
                format!(" {character} "),
                format!("\u{3000}{character}é"),
                character.into(),
            ] {
                assert_eq!(shown(&text), Err(Unshown(character)), "{text:?}");
            }
        }
        for text in ["é\u{200d}", "é\u{200d}b", "é\u{200d}\u{3000}é", "\u{200d}\u{fe0f}é"] {
            assert_eq!(shown(text), Err(Unshown('\u{200d}')), "{text:?}");
        }
    }

    #[test]
    fn what_is_allowed_is_kept() {
        assert_eq!(shown_but("a\nb", |of| of == '\n'), Ok(()));
        assert_eq!(shown_but("a\nb\u{0}", |of| of == '\n'), Err(Unshown('\0')));
    }

    #[test]
    fn what_is_refused_is_named_by_its_code_and_so_are_its_kinds() {
        assert_eq!(
            Unshown('\u{7}').to_string(),
            "leave out `U+0007`: control characters, line separators, what changes the direction of text and what shows \
             nothing are not kept"
        );
    }
}
