//! Vectors of texts and of other content.

use serde_json::{Map, Value};

use super::{Part, PartKind};

/// What is to be embedded, one vector each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EmbeddingsRequest {
    /// As the client named it.
    pub model: String,
    pub inputs: Vec<EmbeddingInput>,
    /// Length of the vectors; absent = the model's own.
    pub dimensions: Option<u32>,
    /// What the vectors are for, such as `search_query`.
    pub input_type: Option<String>,
    /// The client wants base64 of little-endian 32-bit floats instead of numbers.
    pub as_base64: bool,
    /// The end user, as the client named it.
    pub user: Option<String>,
    /// Members of the body that have no field here, as sent.
    pub extra: Map<String, Value>,
}

impl EmbeddingsRequest {
    /// Images among the inputs.
    #[must_use]
    pub fn images(&self) -> u64 {
        let images = |input: &EmbeddingInput| match input {
            EmbeddingInput::Parts(parts) => {
                parts.iter().filter(|part| matches!(part.kind, PartKind::Image { .. })).count() as u64
            }
            EmbeddingInput::Text(_) | EmbeddingInput::Tokens(_) => 0,
        };
        self.inputs.iter().map(images).sum()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum EmbeddingInput {
    Text(String),
    /// Token ids of the model's own tokenizer.
    Tokens(Vec<u32>),
    /// Texts, images and other media that become one vector.
    Parts(Vec<Part>),
}
