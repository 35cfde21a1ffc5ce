//! Lines of JSON, read incrementally whatever way the bytes are cut.

use memchr::memchr;

use crate::sse::{EVENT_LIMIT, TooLong};

/// Splits a byte stream into lines that are not blank.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The start of a line whose end has not come.
    partial: Vec<u8>,
    is_broken: bool,
}

impl Lines {
    /// Takes the next bytes and calls `each` with every line they complete.
    ///
    /// # Errors
    /// [`TooLong`], from then on for every call.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), TooLong> {
        while let Some(end) = memchr(b'\n', bytes) {
            self.keep(&bytes[..end])?;
            self.give(&mut each);
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes)
    }

    /// The stream ended: a line may lack its end.
    pub(super) fn end(&mut self, mut each: impl FnMut(&[u8])) {
        if !self.is_broken {
            self.give(&mut each);
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        self.is_broken |= self.partial.len() + bytes.len() > EVENT_LIMIT;
        if self.is_broken {
            self.partial = Vec::new();
            return Err(TooLong { limit: EVENT_LIMIT });
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }

    fn give(&mut self, each: &mut impl FnMut(&[u8])) {
        let line = self.partial.trim_ascii();
        if !line.is_empty() {
            each(line);
        }
        self.partial.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cut_gives_the_same_lines() {
        let text = "{\"a\":\"ž\"}\r\n\n {\"b\":1}\n{\"c\":2}".as_bytes();
        for at in 0..=text.len() {
            let (mut lines, mut found) = (Lines::default(), Vec::new());
            lines.push(&text[..at], |line| found.push(line.to_vec())).unwrap();
            lines.push(&text[at..], |line| found.push(line.to_vec())).unwrap();
            lines.end(|line| found.push(line.to_vec()));
            assert_eq!(found, ["{\"a\":\"ž\"}".as_bytes(), b"{\"b\":1}", b"{\"c\":2}"], "cut at {at}");
        }
    }

    #[test]
    fn a_line_over_the_limit_breaks_the_reader() {
        let mut lines = Lines::default();
        let long = vec![b' '; EVENT_LIMIT + 1];
        assert!(lines.push(&long, |_| panic!("no line")).is_err());
        assert!(lines.push(b"{}\n", |_| panic!("no line")).is_err());
        lines.end(|_| panic!("no line"));
    }
}
