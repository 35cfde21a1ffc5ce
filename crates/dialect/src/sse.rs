//! Server-sent events, read incrementally whatever way the bytes are cut.
//!
//! Lines may end in LF, CRLF or CR. Comments, ids and retry hints are passed over. Lines that are no field at
//! all, such as a bare JSON error after the last event, are kept for [`Decoder::stray`].

use memchr::{memchr, memchr2};

/// Bytes that one event, or one line, may have unless a reader says otherwise: room for an inline image.
pub const EVENT_LIMIT: usize = 32 * 1024 * 1024;

/// Bytes of stray lines that are kept.
const STRAY_LIMIT: usize = 64 * 1024;

/// An event or a line passed the reader's limit; nothing after it can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a server-sent event is longer than {limit} bytes")]
pub struct TooLong {
    pub limit: usize,
}

/// Splits a byte stream into events. Each byte is looked at once; complete lines are not copied but for
/// their data.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    /// The start of a line whose end has not come.
    partial: Vec<u8>,
    /// The last byte was a CR: a LF right after it belongs to the same line end.
    after_cr: bool,
    /// No line has been read: a byte order mark may come.
    fresh: bool,
    event: EventBuffer,
    stray: Vec<u8>,
    broken: bool,
}

#[derive(Debug, Default)]
struct EventBuffer {
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(EVENT_LIMIT)
    }
}

impl Decoder {
    /// A reader that refuses events and lines of more than `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            partial: Vec::new(),
            after_cr: false,
            fresh: true,
            event: EventBuffer::default(),
            stray: Vec::new(),
            broken: false,
        }
    }

    /// Takes the next bytes and calls `each` with the name (empty = none) and the data of every event they
    /// complete.
    ///
    /// # Errors
    /// [`TooLong`], from then on for every call.
    pub fn push(&mut self, mut bytes: &[u8], mut each: impl FnMut(&str, &[u8])) -> Result<(), TooLong> {
        if self.broken {
            return Err(TooLong { limit: self.limit });
        }
        if self.after_cr && !bytes.is_empty() {
            self.after_cr = false;
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while let Some(end) = memchr2(b'\n', b'\r', bytes) {
            self.take_line(&bytes[..end], &mut each)?;
            let is_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            if is_cr {
                self.after_cr = bytes.is_empty();
                bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
            }
        }
        self.check(self.partial.len() + bytes.len())?;
        self.partial.extend_from_slice(bytes);
        Ok(())
    }

    /// The stream ended. Calls `each` with an event whose blank line never came, if there is one.
    pub fn end(&mut self, mut each: impl FnMut(&str, &[u8])) {
        if !self.broken && !self.partial.is_empty() && self.take_line(b"", &mut each).is_err() {
            return;
        }
        self.event.dispatch(&mut each);
    }

    /// Lines that were no fields, joined by LF and cut at a bound: what a server sends that forgot the
    /// framing.
    #[must_use]
    pub fn stray(&self) -> &[u8] {
        &self.stray
    }

    fn take_line(&mut self, rest: &[u8], each: &mut impl FnMut(&str, &[u8])) -> Result<(), TooLong> {
        self.check(self.partial.len() + rest.len() + self.event.data.len())?;
        if self.partial.is_empty() {
            self.read_line(rest, each);
            return Ok(());
        }
        let mut line = std::mem::take(&mut self.partial);
        line.extend_from_slice(rest);
        self.read_line(&line, each);
        line.clear();
        self.partial = line;
        Ok(())
    }

    fn read_line(&mut self, mut line: &[u8], each: &mut impl FnMut(&str, &[u8])) {
        if std::mem::take(&mut self.fresh) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            self.event.dispatch(each);
            return;
        }
        let (field, value) = match memchr(b':', line) {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => self.event.append(value),
            b"event" => {
                self.event.name.clear();
                self.event.name.extend_from_slice(value);
            }
            b"" | b"id" | b"retry" => {}
            _ => self.keep_stray(line),
        }
    }

    fn keep_stray(&mut self, line: &[u8]) {
        let room = STRAY_LIMIT.saturating_sub(self.stray.len());
        self.stray.extend_from_slice(&line[..line.len().min(room)]);
        if room > line.len() {
            self.stray.push(b'\n');
        }
    }

    fn check(&mut self, length: usize) -> Result<(), TooLong> {
        if length <= self.limit {
            return Ok(());
        }
        self.broken = true;
        Err(TooLong { limit: self.limit })
    }
}

impl EventBuffer {
    fn append(&mut self, value: &[u8]) {
        if self.has_data {
            self.data.push(b'\n');
        }
        self.data.extend_from_slice(value);
        self.has_data = true;
    }

    /// An event without data is none; its name is forgotten all the same.
    fn dispatch(&mut self, each: &mut impl FnMut(&str, &[u8])) {
        if self.has_data {
            each(std::str::from_utf8(&self.name).unwrap_or_default(), &self.data);
        }
        self.name.clear();
        self.data.clear();
        self.has_data = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<(String, String)> {
        let mut decoder = Decoder::default();
        let mut events = Vec::new();
        for piece in pieces {
            decoder.push(piece, |name, data| events.push(owned(name, data))).unwrap();
        }
        decoder.end(|name, data| events.push(owned(name, data)));
        events
    }

    fn owned(name: &str, data: &[u8]) -> (String, String) {
        (name.to_owned(), String::from_utf8(data.to_vec()).unwrap())
    }

    fn expected() -> Vec<(String, String)> {
        [("", "{\"a\":\"žluť 🐎\"}"), ("named", "one\ntwo"), ("", ""), ("", "[DONE]"), ("late", "x")]
            .map(|(name, data)| (name.to_owned(), data.to_owned()))
            .to_vec()
    }

    const LINES: &str = "\u{feff}: a comment\n\ndata: {\"a\":\"žluť 🐎\"}\n\nevent: named\nid: 7\nretry: 5\n\
                         data:one\ndata: two\n\nevent: no data\n\ndata\n\ndata:[DONE]\n\nevent:late\ndata:x";

    #[test]
    fn every_cut_and_every_line_end_gives_the_same_events() {
        for ending in ["\n", "\r\n", "\r"] {
            let text = LINES.replace('\n', ending);
            let bytes = text.as_bytes();
            assert_eq!(read(&[bytes]), expected());
            for at in 0..=bytes.len() {
                assert_eq!(read(&[&bytes[..at], &bytes[at..]]), expected(), "{ending:?} cut at {at}");
            }
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(read(&single), expected());
        }
    }

    #[test]
    fn lines_without_a_field_are_kept_apart() {
        let mut decoder = Decoder::default();
        let mut count = 0;
        decoder.push(b"data: 1\n\n{\n  \"error\": {\"code\": 503}\n", |_, _| count += 1).unwrap();
        decoder.push(b"}", |_, _| count += 1).unwrap();
        decoder.end(|_, _| count += 1);
        assert_eq!(count, 1);
        assert_eq!(decoder.stray(), b"{\n  \"error\": {\"code\": 503}\n}\n");
    }

    #[test]
    fn a_line_or_an_event_over_the_limit_breaks_the_reader() {
        let mut decoder = Decoder::new(8);
        assert_eq!(decoder.push(b"data: 12345", |_, _| ()), Err(TooLong { limit: 8 }));
        assert_eq!(decoder.push(b"\n", |_, _| ()), Err(TooLong { limit: 8 }));
        let mut decoder = Decoder::new(8);
        let lines = b"data:123\ndata:456\n";
        assert_eq!(decoder.push(lines, |_, _| ()), Err(TooLong { limit: 8 }));
        decoder.end(|_, _| ());
    }
}
