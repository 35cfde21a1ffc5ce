//! Text from speech.

use serde_json::{Map, Value};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TranscriptionRequest {
    /// As the client named it.
    pub model: String,
    /// The recording in base64.
    pub data: String,
    /// Its format, such as `mp3`.
    pub format: String,
    /// Its file's name, where the client gave one.
    pub file_name: Option<String>,
    /// ISO 639-1.
    pub language: Option<String>,
    pub temperature: Option<f64>,
    /// With times and segments instead of the text alone.
    pub verbose: bool,
    /// `word`, `segment`.
    pub timestamp_granularities: Vec<String>,
    /// How long the recording is, a begun second whole, where it tells so itself.
    pub seconds: Option<u64>,
    /// Members for one provider each, by its slug.
    pub options: Map<String, Value>,
    /// Members of the body that have no field here, as sent.
    pub extra: Map<String, Value>,
}
