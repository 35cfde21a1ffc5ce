//! Speech from text.

use serde_json::{Map, Value};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct SpeechRequest {
    /// As the client named it.
    pub model: String,
    /// The text to speak.
    pub input: String,
    pub voice: Option<String>,
    /// `mp3`, `pcm`, `wav`, `opus`, `aac`, `flac`.
    pub format: String,
    /// 1 = the voice's own pace.
    pub speed: Option<f64>,
    /// How to speak, in words.
    pub instructions: Option<String>,
    /// Members of the body that have no field here, as sent.
    pub extra: Map<String, Value>,
}
