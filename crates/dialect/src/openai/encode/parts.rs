//! The parts of a turn's content, in the forms that the endpoint knows.

use serde_json::{Map, Value, json};

use super::super::quirks::Quirks;
use crate::media::{UNTYPED, known_type};

/// Makes the parts of a turn those that the endpoint understands.
pub(super) fn shape(parts: &mut [Value], quirks: Quirks<'_>) {
    for part in parts.iter_mut().filter_map(Value::as_object_mut) {
        if !quirks.has("keep_cache_control") {
            part.shift_remove("cache_control");
        }
        if let Some(url @ Value::String(_)) = part.get("image_url").cloned() {
            part.insert("image_url".to_owned(), json!({"url": url}));
        }
        match part.get("type").and_then(Value::as_str) {
            Some("file") if quirks.is("file_part", "document_url") => document(part),
            Some("input_audio") if quirks.is("audio_part", "data") => bare_audio(part),
            _ => {}
        }
    }
}

/// A file becomes a document by its URL; one that the provider keeps is named by its id.
fn document(part: &mut Map<String, Value>) {
    let Some(Value::Object(mut file)) = part.shift_remove("file") else { return };
    if let Some(id) = file.shift_remove("file_id") {
        part.insert("file_id".to_owned(), id);
        return;
    }
    let Some(Value::String(data)) = file.shift_remove("file_data") else { return };
    let url = if data.contains(':') {
        data
    } else {
        let name = file.get("filename").and_then(Value::as_str);
        format!("data:{};base64,{data}", known_type(UNTYPED, &data, name))
    };
    part.insert("type".to_owned(), json!("document_url"));
    part.insert("document_url".to_owned(), json!(url));
    if let Some(name) = file.shift_remove("filename") {
        part.insert("document_name".to_owned(), name);
    }
}

/// Audio without its format, which the provider sees for itself.
fn bare_audio(part: &mut Map<String, Value>) {
    if let Some(data) = part.get_mut("input_audio").and_then(|audio| audio.get_mut("data")).map(Value::take) {
        part.insert("input_audio".to_owned(), data);
    }
}
