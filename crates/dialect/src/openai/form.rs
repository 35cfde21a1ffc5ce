//! Forms with files (`multipart/form-data`).

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::HeaderValue;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::error::BadRequest;

/// A form that is being made.
#[derive(Default)]
pub(super) struct Form {
    parts: Vec<Part>,
}

struct Part {
    head: String,
    content: Vec<u8>,
}

impl Form {
    pub(super) fn file(&mut self, name: &str, file_name: &str, media_type: &str, content: Vec<u8>) {
        let head = format!(
            "Content-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\nContent-Type: {}",
            quoted(name),
            quoted(file_name),
            plain(media_type),
        );
        self.parts.push(Part { head, content });
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        let head = format!("Content-Disposition: form-data; name=\"{}\"", quoted(name));
        self.parts.push(Part { head, content: text.as_bytes().to_vec() });
    }

    /// A member of a body: texts bare, lists as a field for each entry, the rest as JSON.
    pub(super) fn member(&mut self, name: &str, value: &Value) {
        match value {
            Value::Null => {}
            Value::String(text) => self.text(name, text),
            Value::Array(items) => {
                items.iter().for_each(|item| self.member(&format!("{name}[]"), item));
            }
            value => self.text(name, &value.to_string()),
        }
    }

    /// The form's media type and bytes. The boundary is a digest of all that the form contains, so that nothing
    /// in it can be made to look like one.
    ///
    /// # Errors
    /// [`BadRequest`] when the media type cannot be written.
    pub(super) fn finish(self) -> Result<(HeaderValue, Bytes), BadRequest> {
        let mut digest = Sha256::new();
        for part in &self.parts {
            digest.update(&part.head);
            digest.update(&part.content);
        }
        let boundary = format!("patchbay-{}", hex::encode(&digest.finalize()[..16]));
        let length: usize = self.parts.iter().map(|part| part.head.len() + part.content.len() + 64).sum();
        let mut bytes = Vec::with_capacity(length + 64);
        for part in self.parts {
            bytes.extend_from_slice(format!("--{boundary}\r\n{}\r\n\r\n", part.head).as_bytes());
            bytes.extend(part.content);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        let media_type = HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}"))
            .map_err(|_| BadRequest::new("the form cannot be written"))?;
        Ok((media_type, bytes.into()))
    }
}

/// A name within quotation marks, as browsers write it.
fn quoted(name: &str) -> String {
    let mut quoted = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '"' | '\r' | '\n' => {
                let _ = write!(quoted, "%{:02X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted
}

/// A media type as far as it is one.
fn plain(media_type: &str) -> &str {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"';
    if !media_type.is_empty() && media_type.bytes().all(is_plain) {
        media_type
    } else {
        "application/octet-stream"
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_and_files_stand_one_after_another() {
        let mut form = Form::default();
        form.member("model", &json!("m"));
        form.member("t", &json!(0.5));
        form.member("list", &json!(["a", "b"]));
        form.member("none", &Value::Null);
        form.file("file", "a\"\r\nb.mp3", "audio/mpeg", b"\0\xff--x".to_vec());
        form.file("file", "x", "a\r\nb: c", Vec::new());
        let (media_type, bytes) = form.finish().unwrap();
        let boundary = media_type.to_str().unwrap().strip_prefix("multipart/form-data; boundary=").unwrap();
        let field = |name: &str, text: &str| {
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
        };
        let file = |name: &str, media_type: &str| {
            let head = format!("Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"");
            format!("--{boundary}\r\n{head}\r\nContent-Type: {media_type}\r\n\r\n")
        };
        let texts =
            [field("model", "m"), field("t", "0.5"), field("list[]", "a"), field("list[]", "b")].concat();
        let (named, other) = (file("a%22%0D%0Ab.mp3", "audio/mpeg"), file("x", "application/octet-stream"));
        let end = format!("\r\n--{boundary}--\r\n");
        let expected =
            [texts.as_bytes(), named.as_bytes(), b"\0\xff--x\r\n", other.as_bytes(), end.as_bytes()];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn what_is_in_a_form_decides_its_boundary() {
        let boundary = |content: &[u8]| {
            let mut form = Form::default();
            form.file("file", "x", "text/plain", content.to_vec());
            form.finish().unwrap().0
        };
        assert_eq!(boundary(b"a"), boundary(b"a"));
        assert_ne!(boundary(b"a"), boundary(boundary(b"a").as_bytes()));
    }
}
