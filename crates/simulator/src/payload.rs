//! Request bodies as they arrive.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value, json};

use crate::wire::header;

/// A body: bytes that should be JSON, or the parts of a form.
#[derive(Debug)]
pub(crate) enum Payload {
    Json(Bytes),
    Form(Vec<Part>),
}

/// One field of a form.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) file_name: Option<String>,
    pub(crate) bytes: Bytes,
}

impl Payload {
    /// Reads the parts when the body is a form; a form that breaks off ends there.
    pub(crate) async fn read(headers: &HeaderMap, body: Bytes) -> Self {
        let kind = header(headers, "content-type").unwrap_or_default();
        let Ok(boundary) = multer::parse_boundary(kind) else { return Self::Json(body) };
        let whole = futures::stream::iter([Ok::<_, std::io::Error>(body)]);
        let mut form = multer::Multipart::new(whole, boundary);
        let mut parts = Vec::new();
        while let Ok(Some(field)) = form.next_field().await {
            let name = field.name().unwrap_or_default().to_owned();
            let file_name = field.file_name().map(str::to_owned);
            let Ok(bytes) = field.bytes().await else { break };
            parts.push(Part { name, file_name, bytes });
        }
        Self::Form(parts)
    }

    /// The body as JSON; nothing when it is none. A form is an object of its fields: texts as they are, files
    /// as `{"file_name", "bytes"}` with their length.
    pub(crate) fn value(&self) -> Option<Value> {
        match self {
            Self::Json(bytes) => serde_json::from_slice(bytes).ok(),
            Self::Form(parts) => {
                let fields = parts.iter().map(|part| (part.name.clone(), part.value()));
                Some(Value::Object(fields.collect::<Map<_, _>>()))
            }
        }
    }

    /// The parts that are files, below names that begin so.
    pub(crate) fn files<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Part> {
        let parts: &[Part] = if let Self::Form(parts) = self { parts } else { &[] };
        parts.iter().filter(move |part| part.file_name.is_some() && part.name.trim_end_matches("[]") == name)
    }

    /// The text of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let Self::Form(parts) = self else { return None };
        let part = parts.iter().find(|part| part.name == name)?;
        std::str::from_utf8(&part.bytes).ok()
    }

    /// The texts of a field that may be given several times, `name` or `name[]`.
    pub(crate) fn fields<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let parts: &[Part] = if let Self::Form(parts) = self { parts } else { &[] };
        let named = parts.iter().filter(move |part| part.name.trim_end_matches("[]") == name);
        named.filter_map(|part| std::str::from_utf8(&part.bytes).ok())
    }
}

impl Part {
    fn value(&self) -> Value {
        match &self.file_name {
            Some(name) => json!({"file_name": name, "bytes": self.bytes.len()}),
            None => json!(String::from_utf8_lossy(&self.bytes)),
        }
    }
}
