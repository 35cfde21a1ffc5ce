//! Images from a description and from other images.

use serde_json::{Map, Value};

use super::Media;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImagesRequest {
    /// As the client named it.
    pub model: String,
    pub prompt: String,
    /// Images wanted; absent = 1.
    pub n: Option<u32>,
    /// Explicit pixels, such as `1024x1024`.
    pub size: Option<String>,
    /// `512`, `1K`, `2K`, `4K`.
    pub resolution: Option<String>,
    /// Such as `16:9`.
    pub aspect_ratio: Option<String>,
    /// `auto`, `low`, `medium`, `high`.
    pub quality: Option<String>,
    /// `auto`, `transparent`, `opaque`.
    pub background: Option<String>,
    /// `png`, `jpeg`, `webp`, `svg`.
    pub output_format: Option<String>,
    /// Percent.
    pub output_compression: Option<u32>,
    pub seed: Option<i64>,
    /// Images to start from.
    pub references: Vec<Media>,
    /// Where the first of them is to be changed: where this is transparent.
    pub mask: Option<Media>,
    pub stream: bool,
    /// Unfinished images wanted of each, while it is made.
    pub partial_images: Option<u32>,
    /// The end user, as the client named it.
    pub user: Option<String>,
    /// Members for one provider each, by its slug.
    pub options: Map<String, Value>,
    /// Members of the body that have no field here, as sent.
    pub extra: Map<String, Value>,
}
