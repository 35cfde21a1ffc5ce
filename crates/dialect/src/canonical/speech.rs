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
    /// A voice to speak with, instead of one of the model's.
    pub sample: Option<VoiceSample>,
    /// The end user, as the client named it.
    pub user: Option<String>,
    /// Members for one provider each, by its slug.
    pub options: Map<String, Value>,
    /// Members of the body that have no field here, as sent.
    pub extra: Map<String, Value>,
}

/// A recording of a voice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VoiceSample {
    /// In base64.
    pub data: String,
    /// Its format, such as `mp3`.
    pub format: String,
    /// What is said in it.
    pub text: Option<String>,
}
