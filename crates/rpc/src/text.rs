//! What no text may hold that one person writes and another reads, whichever service takes it in.

/// The first character of a text that does not show: a control, a line separator, what turns the direction of reading,
/// or what is invisible.
#[must_use]
pub fn unshown(text: &str) -> Option<char> {
    text.chars().find(|character| is_unshown(*character))
}

/// Whether this shows nothing, and may change how the text around it reads. What joins letters and pictures is kept:
/// scripts and emoji need it.
fn is_unshown(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
                | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}'
                | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e00ff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_show_is_found_and_what_people_write_is_not() {
        for text in ["", "GPT-4o (mini)", "Größe 5 👩‍👧 ❤\u{fe0f}", "نام\u{200c}ها", "通义千问", "  a  "]
        {
            assert_eq!(unshown(text), None, "{text:?}");
        }
        let unshowing = "\0\t\n\r\u{1b}\u{7f}\u{85}\u{ad}\u{61c}\u{200b}\u{200e}\u{2028}\u{202e}\u{2060}\u{2066}\u{2800}\u{3164}\
                         \u{feff}\u{fffb}\u{e0041}";
        for character in unshowing.chars() {
            assert_eq!(unshown(&format!("a{character}b")), Some(character), "{character:?}");
        }
    }
}
