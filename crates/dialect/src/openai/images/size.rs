//! The pixels that an endpoint is asked for where the client named a resolution or a ratio.

use crate::canonical::ImagesRequest;
use crate::canonical::images::{area, pixels};

/// What the first models of OpenAI's took, and what others understand.
const USUAL: [&str; 3] = ["1024x1024", "1536x1024", "1024x1536"];
/// Edges are multiples of this, and so long at most.
const STEP: u64 = 16;
const LONGEST: u64 = 3_840;

/// Which sizes an endpoint takes.
pub(super) enum Known<'a> {
    Usual,
    Listed(Vec<&'a str>),
    Any,
}

/// The size to ask for; `None` leaves it to the endpoint.
pub(super) fn chosen(request: &ImagesRequest, known: &Known<'_>) -> Option<String> {
    if request.size.is_some() {
        return request.size.clone();
    }
    if request.resolution.is_none() && request.aspect_ratio.is_none() {
        return None;
    }
    let ratio = request.ratio().unwrap_or((1, 1));
    let wanted = request.resolution.as_deref().and_then(area).unwrap_or(1_024 * 1_024);
    match known {
        Known::Usual => nearest(&USUAL, ratio, wanted),
        Known::Listed(sizes) => nearest(sizes, ratio, wanted),
        Known::Any => made(ratio, wanted),
    }
}

/// The size with the nearest ratio, and among those the nearest number of pixels.
fn nearest(sizes: &[&str], ratio: (u64, u64), wanted: u64) -> Option<String> {
    let distance = |size: &&&str| {
        let (width, height) = pixels(size).unwrap_or((1, u64::from(u32::MAX)));
        (off_ratio((width, height), ratio), (width * height).abs_diff(wanted))
    };
    sizes.iter().filter(|size| pixels(size).is_some()).min_by_key(distance).map(|size| (*size).to_owned())
}

/// How much wider or taller than wanted, in thousandths.
fn off_ratio((width, height): (u64, u64), (a, b): (u64, u64)) -> u64 {
    let (is, wanted) = (width * b, height * a);
    is.max(wanted) * 1_000 / is.min(wanted).max(1)
}

/// Edges of that ratio with about so many pixels.
fn made((a, b): (u64, u64), wanted: u64) -> Option<String> {
    let rounded = |edge: u64| ((edge + STEP / 2) / STEP * STEP).max(STEP);
    let of_width = |width: u64| (width, rounded(width * b / a.max(1)));
    let candidates = (1..=LONGEST / STEP).map(|steps| of_width(steps * STEP));
    let fitting = candidates.filter(|(_, height)| *height <= LONGEST);
    let (width, height) = fitting.min_by_key(|(width, height)| (width * height).abs_diff(wanted))?;
    Some(format!("{width}x{height}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(resolution: Option<&str>, ratio: Option<&str>, known: &Known<'_>) -> Option<String> {
        let request = ImagesRequest {
            resolution: resolution.map(Into::into),
            aspect_ratio: ratio.map(Into::into),
            ..ImagesRequest::default()
        };
        chosen(&request, known)
    }

    #[test]
    fn the_nearest_known_size_is_asked_for() {
        assert_eq!(asked(None, None, &Known::Usual), None);
        for (ratio, size) in [("16:9", "1536x1024"), ("1:1", "1024x1024"), ("9:19.5", "1024x1536")] {
            assert_eq!(asked(None, Some(ratio), &Known::Usual).as_deref(), Some(size));
        }
        let listed = Known::Listed(vec!["auto", "512x512", "1024x1024", "2048x2048", "2048x1152"]);
        assert_eq!(asked(Some("2K"), None, &listed).as_deref(), Some("2048x2048"));
        assert_eq!(asked(Some("512"), Some("16:9"), &listed).as_deref(), Some("2048x1152"));
        assert_eq!(asked(Some("1K"), None, &Known::Listed(vec!["auto"])), None);
    }

    #[test]
    fn any_size_is_made_where_any_is_taken() {
        for (resolution, ratio, size) in [
            ("1K", "1:1", "1024x1024"),
            ("1K", "16:9", "1360x768"),
            ("4K", "16:9", "3840x2160"),
            ("512", "1:8", "176x1408"),
        ] {
            assert_eq!(asked(Some(resolution), Some(ratio), &Known::Any).as_deref(), Some(size));
        }
    }
}
