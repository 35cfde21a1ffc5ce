//! How large and how wide a picture is to be, in the provider's words.

use serde_json::{Map, Value};

use crate::canonical::ImagesRequest;

/// The shapes that the provider knows, by width and height.
const SHAPES: [(u32, u32); 10] =
    [(1, 1), (2, 3), (3, 2), (3, 4), (4, 3), (4, 5), (5, 4), (9, 16), (16, 9), (21, 9)];

/// The shape that is asked for, or the one nearest to the pixels that are.
pub(super) fn aspect_ratio(request: &ImagesRequest) -> Option<String> {
    if let Some(ratio) = request.aspect_ratio.as_deref().filter(|ratio| *ratio != "auto") {
        return Some(ratio.to_owned());
    }
    let (width, height) = request.size.as_deref()?.split_once('x')?;
    let (width, height) = (width.parse::<f64>().ok()?, height.parse::<f64>().ok()?);
    if !(width >= 1.0 && height >= 1.0) {
        return None;
    }
    let distance = |(wide, high): &(u32, u32)| {
        ((width / height).ln() - (f64::from(*wide) / f64::from(*high)).ln()).abs()
    };
    let nearest = SHAPES.iter().min_by(|one, two| distance(one).total_cmp(&distance(two)));
    nearest.map(|(wide, high)| format!("{wide}:{high}"))
}

/// `1K`, `2K` or `4K`; other resolutions have no word.
pub(super) fn size(request: &ImagesRequest) -> Option<String> {
    let asked = request.resolution.as_deref()?.to_ascii_uppercase();
    ["1K", "2K", "4K"].contains(&asked.as_str()).then_some(asked)
}

/// The members that are set.
pub(super) fn members<const N: usize>(members: [(&str, Option<Value>); N]) -> Map<String, Value> {
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(size: &str) -> Option<String> {
        aspect_ratio(&ImagesRequest { size: Some(size.to_owned()), ..ImagesRequest::default() })
    }

    #[test]
    fn pixels_become_the_nearest_shape() {
        assert_eq!(ratio("1024x1024").as_deref(), Some("1:1"));
        assert_eq!(ratio("1536x1024").as_deref(), Some("3:2"));
        assert_eq!(ratio("1792x1024").as_deref(), Some("16:9"));
        assert_eq!(ratio("1024x1792").as_deref(), Some("9:16"));
        assert_eq!(ratio("auto"), None);
        assert_eq!(ratio("0x10"), None);
        let asked = ImagesRequest {
            size: Some("1024x1024".to_owned()),
            aspect_ratio: Some("16:9".to_owned()),
            ..ImagesRequest::default()
        };
        assert_eq!(aspect_ratio(&asked).as_deref(), Some("16:9"));
    }

    #[test]
    fn resolutions_without_a_word_are_left_out() {
        let size = |resolution: &str| {
            size(&ImagesRequest { resolution: Some(resolution.to_owned()), ..ImagesRequest::default() })
        };
        assert_eq!(size("2k").as_deref(), Some("2K"));
        assert_eq!(size("512"), None);
    }
}
