//! Where media are and of what type, for the dialects that want them apart.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::canonical::Media;

/// The media type and the base64 data of a `data:` URL.
pub(crate) fn data_url(url: &str) -> Option<(&str, &str)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let media_type = head.strip_suffix(";base64")?;
    Some((media_type.split(';').next()?, data))
}

/// The media type that the end of a URL's path tells.
pub(crate) fn type_of_url(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next()?;
    let extension = path.rsplit('/').next()?.rsplit_once('.')?.1.to_ascii_lowercase();
    Some(match extension.as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "heic" => "image/heic",
        "pdf" => "application/pdf",
        "txt" | "md" | "csv" => "text/plain",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "flac" => "audio/flac",
        "ogg" => "audio/ogg",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        "mpeg" | "mpg" => "video/mpeg",
        _ => return None,
    })
}

/// The media type of data that came without one.
pub(crate) const UNTYPED: &str = "application/octet-stream";

/// The media type of inline data that came without one: by its first bytes, else by the file's name.
pub(crate) fn known_type<'a>(media_type: &'a str, data: &str, name: Option<&str>) -> &'a str {
    if media_type != UNTYPED {
        return media_type;
    }
    let starts = [("JVBERi0", "application/pdf"), ("iVBORw0KGgo", "image/png"), ("/9j/", "image/jpeg")];
    let by_bytes = starts.iter().find(|(start, _)| data.starts_with(start)).map(|(_, known)| *known);
    by_bytes.or_else(|| type_of_url(name?)).unwrap_or(media_type)
}

/// The text of a file that came inline and is one.
pub(crate) fn text_of_file(source: &Media, name: Option<&str>) -> Option<String> {
    let Media::Inline { media_type, data } = source else { return None };
    if !known_type(media_type, data, name).starts_with("text/") {
        return None;
    }
    String::from_utf8(bytes(data)?).ok()
}

/// What base64 stands for, with or without its padding; `None` for what is no base64.
pub(crate) fn bytes(base64: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&STANDARD, config).decode(base64).ok()
}

/// The media type of an audio format as chat names it.
pub(crate) fn audio_type(format: &str) -> String {
    match format {
        "mp3" => "audio/mpeg".to_owned(),
        "m4a" => "audio/mp4".to_owned(),
        "pcm16" | "pcm" => "audio/pcm".to_owned(),
        known => format!("audio/{known}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found() {
        assert_eq!(data_url("data:image/png;base64,AAAA"), Some(("image/png", "AAAA")));
        assert_eq!(data_url("data:text/plain;charset=utf-8;base64,QQ=="), Some(("text/plain", "QQ==")));
        assert_eq!(data_url("data:text/plain,hello"), None);
        assert_eq!(data_url("https://host.example/a.png"), None);
        assert_eq!(type_of_url("https://host.example/a/b.PNG?x=1.pdf"), Some("image/png"));
        assert_eq!(type_of_url("https://host.example/watch"), None);
        assert_eq!(known_type("text/csv", "JVBERi0xLjQ", None), "text/csv");
        assert_eq!(known_type("application/octet-stream", "JVBERi0xLjQ", None), "application/pdf");
        assert_eq!(known_type("application/octet-stream", "QUJD", Some("notes.txt")), "text/plain");
        assert_eq!(known_type("application/octet-stream", "QUJD", None), "application/octet-stream");
        let inline =
            |media_type: &str, data: &str| Media::Inline { media_type: media_type.into(), data: data.into() };
        assert_eq!(text_of_file(&inline(UNTYPED, "aGk="), Some("a.md")).as_deref(), Some("hi"));
        assert_eq!(text_of_file(&inline("application/pdf", "aGk="), Some("a.md")), None);
        assert_eq!(text_of_file(&inline("text/plain", "gA=="), None), None);
        assert_eq!(audio_type("mp3"), "audio/mpeg");
        assert_eq!(audio_type("wav"), "audio/wav");
    }

    #[test]
    fn base64_is_read_with_and_without_its_padding() {
        for (base64, read) in
            [("QQ==", Some("A")), ("QQ", Some("A")), ("QR", Some("A")), ("Q", None), ("?", None)]
        {
            assert_eq!(bytes(base64), read.map(|text| text.as_bytes().to_vec()), "{base64}");
        }
    }
}
