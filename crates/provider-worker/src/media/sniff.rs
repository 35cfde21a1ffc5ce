//! What bytes are, whatever their server says.

use super::Cause;
use super::fetch::Fetched;

/// What a place in a request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Image,
    /// Any document, sound or film.
    File,
}

/// Kinds that are told by their bytes alone: a claim to be one of them counts for nothing.
const SNIFFED: [&str; 3] = ["image/", "audio/", "video/"];
const PDF: &str = "application/pdf";
/// The kind of a file that says nothing of itself.
const UNKNOWN: &str = "application/octet-stream";

/// The media type of what was fetched.
///
/// # Errors
/// [`Cause::WrongType`] when the bytes are not what is wanted or not what they are said to be.
pub(super) fn media_type(fetched: &Fetched, wanted: Wanted) -> Result<String, Cause> {
    if fetched.bytes.is_empty() {
        return Err(Cause::WrongType("empty".to_owned()));
    }
    let claimed = fetched.claimed.as_deref().unwrap_or(UNKNOWN);
    let found = infer::get(&fetched.bytes).map(|kind| registered(kind.mime_type()));
    let is_image = found.is_some_and(|found| found.starts_with("image/"));
    match (wanted, found) {
        (Wanted::Image, Some(found)) if is_image => Ok(found.to_owned()),
        (Wanted::Image, Some(found)) => Err(Cause::WrongType(format!("of the type {found} and no image"))),
        (Wanted::Image, None) => Err(Cause::WrongType("no image of a known format".to_owned())),
        (Wanted::File, Some(found)) => agreed(found, claimed),
        (Wanted::File, None) if is_sniffed(claimed) => {
            Err(Cause::WrongType(format!("not of the type {claimed} that its server claims")))
        }
        (Wanted::File, None) if is_text(claimed) && std::str::from_utf8(&fetched.bytes).is_err() => {
            Err(Cause::WrongType(format!("not of the type {claimed} that its server claims")))
        }
        (Wanted::File, None) => Ok(claimed.to_owned()),
    }
}

/// The bytes decide; but a page that stands in for a file is a mistake that is better told.
fn agreed(found: &'static str, claimed: &str) -> Result<String, Cause> {
    let is_page = matches!(found, "text/html" | "text/xml");
    if is_sniffed(claimed) && is_page {
        return Err(Cause::WrongType(format!("of the type {found}, not {claimed} as its server claims")));
    }
    // Containers look alike: what only the server can know is not overruled.
    let is_container = matches!(found, "application/zip" | "text/xml" | "text/html" | "text/x-shellscript");
    Ok(if is_container && claimed != UNKNOWN { claimed } else { found }.to_owned())
}

/// The registered name of a kind that also goes by another.
fn registered(media_type: &'static str) -> &'static str {
    match media_type {
        "audio/x-wav" => "audio/wav",
        "audio/x-flac" => "audio/flac",
        "audio/m4a" => "audio/mp4",
        known => known,
    }
}

fn is_sniffed(media_type: &str) -> bool {
    media_type == PDF
        || (SNIFFED.iter().any(|kind| media_type.starts_with(kind)) && media_type != "image/svg+xml")
}

fn is_text(media_type: &str) -> bool {
    media_type.starts_with("text/") || media_type == "application/json"
}
