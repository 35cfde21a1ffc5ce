//! Forms with files, as OpenAI's clients send recordings and images, turned into the JSON that the same
//! request has without a form.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use dialect::client::Dialect;
use dialect::error::ErrorType;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use multer::{Field, Multipart};
use serde_json::{Map, Value, json};

use super::reply::Refusal;

/// More fields than any request has.
const MAX_FIELDS: usize = 64;
/// Members that are numbers or switches, which a form can only spell.
const SPELT: [&str; 8] = [
    "n",
    "output_compression",
    "partial_images",
    "seed",
    "stream",
    "temperature",
    "max_tokens",
    "dimensions",
];

/// The boundary of a form, where the body is one and the dialect has a form.
pub(super) fn boundary(dialect: Dialect, headers: &HeaderMap) -> Option<String> {
    if !matches!(dialect, Dialect::Transcription | Dialect::Images) {
        return None;
    }
    multer::parse_boundary(headers.get(CONTENT_TYPE)?.to_str().ok()?).ok()
}

/// The JSON body that a form stands for.
///
/// # Errors
/// A [`Refusal`] that says what is wrong with the form.
pub(super) async fn as_json(dialect: Dialect, boundary: String, body: Bytes) -> Result<Bytes, Refusal> {
    let body = futures::stream::once(std::future::ready(Ok::<_, std::convert::Infallible>(body)));
    let mut form = Multipart::new(body, boundary);
    let mut members = Map::new();
    let mut fields = 0;
    while let Some(field) = form.next_field().await.map_err(malformed)? {
        fields += 1;
        if fields > MAX_FIELDS {
            return Err(Refusal::new(
                ErrorType::InvalidRequest,
                format!("The form has more than {MAX_FIELDS} fields."),
            ));
        }
        add(dialect, &mut members, field).await?;
    }
    serde_json::to_vec(&members).map(Bytes::from).map_err(|_| rpc::Fault::internal().into())
}

fn malformed(error: multer::Error) -> Refusal {
    Refusal::new(ErrorType::InvalidRequest, format!("The form cannot be read: {error}."))
}

async fn add(dialect: Dialect, members: &mut Map<String, Value>, field: Field<'_>) -> Result<(), Refusal> {
    let name = field.name().unwrap_or_default().to_owned();
    let (name, is_list) = match name.strip_suffix("[]") {
        Some(name) => (name.to_owned(), true),
        None => (name, false),
    };
    let file_name = field.file_name().map(ToOwned::to_owned);
    let media_type = field.content_type().map(ToString::to_string);
    let bytes = field.bytes().await.map_err(malformed)?;
    match (dialect, name.as_str()) {
        (Dialect::Transcription, "file") => add_recording(members, &bytes, file_name, media_type.as_deref()),
        (Dialect::Images, "image") => push(members, "input_references", image(&bytes)),
        (Dialect::Images, "mask") => {
            members.insert(name, image(&bytes));
        }
        _ => {
            let text = std::str::from_utf8(&bytes).map_err(|_| {
                Refusal::new(ErrorType::InvalidRequest, format!("`{name}` must be text in UTF-8."))
            })?;
            let value = if SPELT.contains(&name.as_str()) {
                serde_json::from_str(text.trim()).unwrap_or_else(|_| Value::from(text))
            } else {
                Value::from(text)
            };
            if is_list {
                push(members, &name, value);
            } else if members.insert(name.clone(), value).is_some() {
                let message = format!("`{name}` is given twice.");
                return Err(Refusal::new(ErrorType::InvalidRequest, message));
            }
        }
    }
    Ok(())
}

fn push(members: &mut Map<String, Value>, name: &str, value: Value) {
    if let Value::Array(list) = members.entry(name).or_insert_with(|| json!([])) {
        list.push(value);
    }
}

/// What a recording is, by its name, else by what it is sent as.
fn add_recording(
    members: &mut Map<String, Value>,
    bytes: &[u8],
    file_name: Option<String>,
    media_type: Option<&str>,
) {
    let by_name = file_name.as_deref().and_then(|name| name.rsplit_once('.')).map(|(_, end)| end);
    let by_type = media_type.and_then(|media_type| media_type.strip_prefix("audio/"));
    let format = by_name.or(by_type).unwrap_or("wav").to_ascii_lowercase();
    let mut recording = json!({"data": BASE64_STANDARD.encode(bytes), "format": format});
    if let (Some(name), Some(recording)) = (file_name, recording.as_object_mut()) {
        recording.insert("file_name".to_owned(), name.into());
    }
    members.insert("input_audio".to_owned(), recording);
}

/// An image as a part of content, of the type that its first bytes tell.
fn image(bytes: &[u8]) -> Value {
    let media_type = match bytes {
        [0xFF, 0xD8, ..] => "image/jpeg",
        [b'R', b'I', b'F', b'F', ..] => "image/webp",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        _ => "image/png",
    };
    let url = format!("data:{media_type};base64,{}", BASE64_STANDARD.encode(bytes));
    json!({"type": "image_url", "image_url": {"url": url}})
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.MP3\"\r\n\
        Content-Type: audio/mpeg\r\n\r\nabc\r\n--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n\
        a/b\r\n--x\r\nContent-Disposition: form-data; name=\"temperature\"\r\n\r\n0.5\r\n--x\r\n\
        Content-Disposition: form-data; name=\"timestamp_granularities[]\"\r\n\r\nword\r\n--x--\r\n";

    async fn read(dialect: Dialect, form: &str) -> Result<Value, Refusal> {
        let body = as_json(dialect, "x".to_owned(), Bytes::from(form.to_owned())).await?;
        Ok(serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_form_with_a_recording_is_the_same_request_in_json() {
        let expected = json!({
            "input_audio": {"data": "YWJj", "format": "mp3", "file_name": "a.MP3"},
            "model": "a/b", "temperature": 0.5, "timestamp_granularities": ["word"],
        });
        assert_eq!(read(Dialect::Transcription, FORM).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn images_of_a_form_become_references() {
        let form = FORM.replace("name=\"file\"", "name=\"image[]\"");
        let read = read(Dialect::Images, &form).await.unwrap();
        assert_eq!(read["input_references"][0]["image_url"]["url"], "data:image/png;base64,YWJj");
    }

    #[tokio::test]
    async fn a_form_that_breaks_off_or_repeats_itself_is_refused() {
        let cut = &FORM[..FORM.len() - 9];
        assert!(read(Dialect::Transcription, cut).await.is_err());
        let field = "--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nc/d\r\n";
        let refusal = read(Dialect::Transcription, &format!("{field}{FORM}")).await.unwrap_err();
        assert!(refusal.error().message.contains("`model` is given twice"));
    }

    #[test]
    fn only_some_dialects_have_forms() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("multipart/form-data; boundary=x"));
        assert_eq!(boundary(Dialect::Images, &headers).as_deref(), Some("x"));
        assert_eq!(boundary(Dialect::Chat, &headers), None);
    }
}
