use bytes::Bytes;

use super::super::Cause;
use super::super::fetch::Fetched;
use super::super::sniff::{Wanted, media_type};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0";
const WEBP: &[u8] = b"RIFF\x24\0\0\0WEBPVP8 ";
const GIF: &[u8] = b"GIF89a\x01\0\x01\0";
const PDF: &[u8] = b"%PDF-1.7\n";
const WAV: &[u8] = b"RIFF\x24\0\0\0WAVEfmt ";
const MP3: &[u8] = b"ID3\x04\0\0\0\0\0\0";
const MP4: &[u8] = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom";
const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0\0\0";
const HTML: &[u8] = b"<!DOCTYPE html><html><body>Sign in</body></html>";

fn found(bytes: &'static [u8], claimed: &str, wanted: Wanted) -> Result<String, Cause> {
    let claimed = Some(claimed.to_owned()).filter(|claimed| !claimed.is_empty());
    media_type(&Fetched { bytes: Bytes::from_static(bytes), claimed }, wanted)
}

#[test]
fn an_image_is_what_its_bytes_are() {
    for (bytes, kind) in [(PNG, "image/png"), (JPEG, "image/jpeg"), (WEBP, "image/webp"), (GIF, "image/gif")]
    {
        for claimed in ["", "image/png", "application/octet-stream", "text/html"] {
            assert_eq!(found(bytes, claimed, Wanted::Image).unwrap(), kind);
        }
    }
}

#[test]
fn what_is_no_image_does_not_become_one_by_its_header() {
    for bytes in
        [HTML, PDF, WAV, ZIP, b"plain text", b"", b"\x89PN", b"<svg xmlns='http://www.w3.org/2000/svg'/>"]
    {
        let error = found(bytes, "image/png", Wanted::Image).unwrap_err();
        assert!(matches!(error, Cause::WrongType(_)), "{error}");
    }
}

#[test]
fn a_file_is_told_by_its_bytes_and_a_text_by_its_header() {
    for (bytes, claimed, expected) in [
        (PDF, "application/octet-stream", "application/pdf"),
        (PDF, "text/plain", "application/pdf"),
        (WAV, "audio/wav", "audio/wav"),
        (MP3, "", "audio/mpeg"),
        (MP4, "video/mp4", "video/mp4"),
        (PNG, "application/pdf", "image/png"),
        (b"a,b\n1,2\n", "text/csv", "text/csv"),
        (b"{}", "application/json", "application/json"),
        (HTML, "text/html", "text/html"),
        (HTML, "text/plain", "text/plain"),
        (
            ZIP,
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (b"???", "", "application/octet-stream"),
    ] {
        assert_eq!(found(bytes, claimed, Wanted::File).unwrap(), expected, "{claimed}");
    }
}

#[test]
fn a_claim_that_the_bytes_belie_is_refused() {
    for (bytes, claimed) in [
        (HTML, "application/pdf"),
        (HTML, "audio/mpeg"),
        (b"nothing of the kind".as_slice(), "application/pdf"),
        (b"nothing of the kind", "video/mp4"),
        (b"\xff\xfe\x80", "text/plain"),
        (b"", "text/plain"),
    ] {
        let error = found(bytes, claimed, Wanted::File).unwrap_err();
        assert!(matches!(error, Cause::WrongType(_)), "{claimed}: {error}");
    }
}
