//! The three ways to say how large an image is to be, and whether they agree.

use crate::canonical::ImagesRequest;
use crate::canonical::images::{area, pixels, ratio};
use crate::error::BadRequest;

pub(super) const RESOLUTIONS: [&str; 4] = ["512", "1K", "2K", "4K"];

/// Percent by which sides may differ from a ratio: 1792x1024 counts as 16:9.
const TOLERANCE: u64 = 2;

/// Takes a size that is the name of a resolution for one, and refuses what contradicts itself.
///
/// # Errors
/// [`BadRequest`] naming the members that disagree.
pub(super) fn settle(request: &mut ImagesRequest) -> Result<(), BadRequest> {
    let named = request.aspect_ratio.as_deref().map(|name| {
        ratio(name)
            .ok_or_else(|| BadRequest::new("`aspect_ratio` must be `auto` or two numbers such as `16:9`"))
    });
    let named = named.transpose()?;
    if let Some(size) = request.size.take_if(|size| RESOLUTIONS.contains(&size.as_str())) {
        return match &request.resolution {
            Some(resolution) if *resolution != size => Err(disagree("resolution")),
            _ => {
                request.resolution = Some(size);
                Ok(())
            }
        };
    }
    let Some(size) = &request.size else { return Ok(()) };
    let (width, height) = pixels(size).ok_or_else(|| {
        BadRequest::new("`size` must be pixels such as `1024x1024`, one of 512, 1K, 2K, 4K, or `auto`")
    })?;
    if named.is_some_and(|named| !is_about((width, height), named)) {
        return Err(disagree("aspect_ratio"));
    }
    match &request.resolution {
        Some(resolution) if !is_of(resolution, width, height) => Err(disagree("resolution")),
        _ => Ok(()),
    }
}

fn disagree(other: &str) -> BadRequest {
    BadRequest::new(format!("`size` and `{other}` contradict each other: send one of them"))
}

fn is_about((width, height): (u64, u64), (a, b): (u64, u64)) -> bool {
    let (is, wanted) = (width * b, height * a);
    is.abs_diff(wanted) * 100 <= wanted * TOLERANCE
}

/// Whether pixels are nearer to this resolution than to any other, by their number or by the longer edge: 3840 x
/// 2160 counts as 2K and as 4K.
fn is_of(resolution: &str, width: u64, height: u64) -> bool {
    let longest = width.max(height);
    [width * height, longest * longest].into_iter().any(|pixels| nearest(pixels) == resolution)
}

/// The resolution of so many pixels: each has four times as many as the one before it.
fn nearest(pixels: u64) -> &'static str {
    let is_within = |name: &&str| area(name).is_some_and(|area| pixels < area * 2);
    RESOLUTIONS.iter().copied().find(is_within).unwrap_or("4K")
}
