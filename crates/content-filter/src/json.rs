//! JSON as spans of its text, so that what is not replaced stays as it was written, down to the digits of a
//! number, and a member that is there twice is seen twice.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2;
use serde::de::IgnoredAny;

/// Values within values.
const MAX_DEPTH: usize = 128;

/// Members of turns and parts with what a tool is called with: anything, down to numbers.
pub(crate) const CALLED_WITH: [&str; 3] = ["arguments", "input", "args"];

/// A body that cannot be searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the request body must be a JSON object")]
    Malformed,
    #[error("the request body is nested deeper than {MAX_DEPTH} levels")]
    Deep,
    #[error("a text of the request body is not valid Unicode")]
    Text,
    #[error("the request body grows too much with marks in the place of what is redacted")]
    Large,
}

/// A value.
pub(crate) enum Node<'a> {
    Object(Vec<Member<'a>>),
    Array(Vec<Self>),
    Text(Raw<'a>),
    Number(Raw<'a>),
    /// `true`, `false` or `null`.
    Word,
}

pub(crate) struct Member<'a> {
    pub(crate) name: Raw<'a>,
    pub(crate) value: Node<'a>,
}

/// A text or a number as it is written, a text without its quotes.
#[derive(Clone, Copy)]
pub(crate) struct Raw<'a> {
    /// Where it begins, in bytes.
    at: usize,
    pub(crate) written: &'a str,
}

impl<'a> Raw<'a> {
    pub(crate) const fn range(&self) -> Range<usize> {
        self.at..self.at + self.written.len()
    }

    /// The text that is meant.
    ///
    /// # Errors
    /// [`Unreadable::Text`] when half of a surrogate pair is missing.
    pub(crate) fn read(&self) -> Result<Cow<'a, str>, Unreadable> {
        if !self.written.contains('\\') {
            return Ok(Cow::Borrowed(self.written));
        }
        let quoted = format!("\"{}\"", self.written);
        serde_json::from_str(&quoted).map(Cow::Owned).map_err(|_| Unreadable::Text)
    }
}

/// A text as it is written between quotes.
pub(crate) fn written(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
}

pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Everything in a text.
///
/// # Errors
/// [`Unreadable`] when it is no JSON or is nested too deeply.
pub(crate) fn read(text: &str) -> Result<Node<'_>, Unreadable> {
    Reader { text, at: 0, keeps_all: true }.read()
}

/// The same without the numbers in lists, of which there may be millions, except in what tools are
/// called with.
///
/// # Errors
/// [`Unreadable`] as [`read`] has it.
pub(crate) fn read_body(text: &str) -> Result<Node<'_>, Unreadable> {
    Reader { text, at: 0, keeps_all: false }.read()
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    keeps_all: bool,
}

impl<'a> Reader<'a> {
    fn read(mut self) -> Result<Node<'a>, Unreadable> {
        if !is_json(self.text) {
            return Err(Unreadable::Malformed);
        }
        // From here on the grammar is known to be kept.
        self.value(0)
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Result<u8, Unreadable> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.at += blank;
        rest.get(blank).copied().ok_or(Unreadable::Malformed)
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, Unreadable> {
        if depth > MAX_DEPTH {
            return Err(Unreadable::Deep);
        }
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string().map(Node::Text),
            b'-' | b'0'..=b'9' => Ok(Node::Number(self.word())),
            b'a'..=b'z' => {
                self.word();
                Ok(Node::Word)
            }
            _ => Err(Unreadable::Malformed),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node<'a>, Unreadable> {
        let mut members = Vec::new();
        self.at += 1;
        while self.peek()? != b'}' {
            let name = self.string()?;
            self.peek()?;
            self.at += 1;
            let kept = self.keeps_all;
            self.keeps_all |= depth > 0 && CALLED_WITH.contains(&name.read()?.as_ref());
            members.push(Member { name, value: self.value(depth + 1)? });
            self.keeps_all = kept;
            self.comma()?;
        }
        self.at += 1;
        Ok(Node::Object(members))
    }

    fn array(&mut self, depth: usize) -> Result<Node<'a>, Unreadable> {
        let mut values = Vec::new();
        self.at += 1;
        while self.peek()? != b']' {
            match self.value(depth + 1)? {
                Node::Number(_) | Node::Word if !self.keeps_all => {}
                value => values.push(value),
            }
            self.comma()?;
        }
        self.at += 1;
        Ok(Node::Array(values))
    }

    fn comma(&mut self) -> Result<(), Unreadable> {
        if self.peek()? == b',' {
            self.at += 1;
        }
        Ok(())
    }

    /// Stands at the opening quote.
    fn string(&mut self) -> Result<Raw<'a>, Unreadable> {
        let at = self.at + 1;
        let mut end = at;
        loop {
            let rest = self.text.as_bytes().get(end..).ok_or(Unreadable::Malformed)?;
            end += memchr2(b'"', b'\\', rest).ok_or(Unreadable::Malformed)?;
            if self.text.as_bytes().get(end) == Some(&b'"') {
                break;
            }
            end += 2;
        }
        self.at = end + 1;
        let written = self.text.get(at..end).ok_or(Unreadable::Malformed)?;
        Ok(Raw { at, written })
    }

    /// A number, or one of the three words.
    fn word(&mut self) -> Raw<'a> {
        let at = self.at;
        let rest = self.text.get(at..).unwrap_or_default();
        let length = rest
            .find(|next: char| !(next.is_ascii_alphanumeric() || "+-.".contains(next)))
            .unwrap_or(rest.len());
        self.at += length;
        Raw { at, written: rest.get(..length).unwrap_or_default() }
    }
}
