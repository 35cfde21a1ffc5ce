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

impl ImagesRequest {
    /// Width to height as it was asked for, by pixels or by name; `None` = any.
    #[must_use]
    pub fn ratio(&self) -> Option<(u64, u64)> {
        self.size.as_deref().and_then(pixels).or_else(|| self.aspect_ratio.as_deref().and_then(ratio))
    }
}

/// Width and height of a size such as `1024x1536`.
#[must_use]
pub fn pixels(size: &str) -> Option<(u64, u64)> {
    let (width, height) = size.split_once('x')?;
    Some((edge(width)?, edge(height)?))
}

fn edge(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|edge| is_plain && (1..=65_536).contains(edge))
}

/// Both sides of a ratio such as `16:9` or `9:19.5`, in whole numbers.
#[must_use]
pub fn ratio(name: &str) -> Option<(u64, u64)> {
    let (width, height) = name.split_once(':')?;
    Some((tenths(width)?, tenths(height)?))
}

fn tenths(text: &str) -> Option<u64> {
    let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
    let tenth = edge(tenth).or((tenth == "0").then_some(0)).filter(|tenth| *tenth < 10)?;
    Some(edge(whole)? * 10 + tenth)
}

/// Pixels of a square of a resolution's name.
#[must_use]
pub fn area(resolution: &str) -> Option<u64> {
    let edge: u64 = match resolution {
        "512" => 512,
        "1K" => 1_024,
        "2K" => 2_048,
        "4K" => 4_096,
        _ => return None,
    };
    Some(edge * edge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ratios_are_read() {
        assert_eq!(pixels("1024x1536"), Some((1_024, 1_536)));
        for wrong in ["1024", "x", "0x1", "1x-1", "+1x1", "70000x1", "1x1x1"] {
            assert_eq!(pixels(wrong), None, "{wrong}");
        }
        assert_eq!((ratio("16:9"), ratio("9:19.5")), (Some((160, 90)), Some((90, 195))));
        for wrong in ["16", "16:0", "1.25:1", "a:b", "auto"] {
            assert_eq!(ratio(wrong), None, "{wrong}");
        }
        let sized = ImagesRequest { size: Some("2x1".into()), ..ImagesRequest::default() };
        assert_eq!(sized.ratio(), Some((2, 1)));
    }
}
