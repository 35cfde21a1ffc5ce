//! Pictures.

use pricing::Class;
use serde_json::{Value, json};

use super::{read, response, streamed, written};
use crate::canonical::{Event, FinishReason, ImagesRequest, Media, Task};
use crate::error::{ErrorType, Retry};

const MODEL: &str = "gemini-3-pro-image-preview";
const IMAGEN: &str = "imagen-4.0-generate-001";

fn asked() -> ImagesRequest {
    ImagesRequest { prompt: "A fox".to_owned(), ..ImagesRequest::default() }
}

fn task(request: ImagesRequest) -> Task {
    Task::Images(request)
}

fn picture() -> Value {
    json!([{"text": "Here"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}])
}

fn image() -> Event {
    Event::Image { choice: 0, url: "data:image/png;base64,AA==".to_owned() }
}

#[test]
fn a_picture_is_asked_for_in_words_and_pictures() {
    let (path, body) = written(&task(asked()), MODEL).unwrap();
    assert_eq!(path, "/v1beta/models/gemini-3-pro-image-preview:generateContent");
    let expected = json!({
        "contents": [{"role": "user", "parts": [{"text": "A fox"}]}],
        "generationConfig": {"responseModalities": ["IMAGE"]}
    });
    assert_eq!(body, expected);
    let reference = Media::Inline { media_type: "image/png".to_owned(), data: "AA==".to_owned() };
    let request = ImagesRequest {
        references: vec![reference],
        size: Some("1536x1024".to_owned()),
        resolution: Some("2K".to_owned()),
        seed: Some(7),
        stream: true,
        ..asked()
    };
    let (path, body) = written(&task(request.clone()), MODEL).unwrap();
    assert!(path.ends_with(":streamGenerateContent?alt=sse"));
    assert_eq!(
        body["contents"][0]["parts"][1],
        json!({"inlineData": {"mimeType": "image/png", "data": "AA=="}})
    );
    let config = json!({"responseModalities": ["IMAGE"], "seed": 7,
        "imageConfig": {"aspectRatio": "3:2", "imageSize": "2K"}});
    assert_eq!(body["generationConfig"], config);
    let (_, old) = written(&task(request), "gemini-2.5-flash-image").unwrap();
    assert_eq!(old["generationConfig"]["imageConfig"], json!({"aspectRatio": "3:2"}));
    let several = ImagesRequest { n: Some(2), ..asked() };
    assert!(written(&task(several), MODEL).unwrap_err().message.contains("`n`"));
}

#[test]
fn an_answer_is_its_pictures() {
    let task = task(asked());
    let body = response(picture(), Some("STOP"));
    let events = read(&task, MODEL, &body).unwrap();
    assert_eq!(streamed(&task, MODEL, &[body]), events);
    assert!(events.contains(&image()));
    assert!(!events.iter().any(|event| matches!(event, Event::Text { .. })));
    assert!(matches!(events.last(), Some(Event::Finish { reason: FinishReason::Stop, .. })));
    let drawn = events.iter().find_map(|event| match event {
        Event::Usage(usage) => Some((usage.get(Class::ImageOutput), usage.get(Class::Output))),
        _ => None,
    });
    assert_eq!(drawn, Some((8, 1)));
}

#[test]
fn an_answer_without_a_picture_has_failed() {
    let task = task(asked());
    let words = response(json!([{"text": "No"}]), Some("STOP"));
    assert_eq!(read(&task, MODEL, &words).unwrap_err().error_type, ErrorType::ProviderUnavailable);
    let refused = response(json!([]), Some("IMAGE_SAFETY"));
    let error = read(&task, MODEL, &refused).unwrap_err();
    assert_eq!((error.error_type, error.retry), (ErrorType::ContentPolicyViolation, Retry::Never));
    let events = streamed(&task, MODEL, &[refused]);
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Failure(_))).count(), 1);
    assert!(matches!(events.last(), Some(Event::Failure(_))));
    let cut = streamed(&task, MODEL, &[response(picture(), None)]);
    assert!(matches!(cut.last(), Some(Event::Failure(_))));
}

#[test]
fn imagen_makes_several_at_once() {
    let request = ImagesRequest {
        n: Some(2),
        aspect_ratio: Some("16:9".to_owned()),
        output_format: Some("png".to_owned()),
        ..asked()
    };
    let (path, body) = written(&task(request), IMAGEN).unwrap();
    assert_eq!(path, "/v1beta/models/imagen-4.0-generate-001:predict");
    let parameters = json!({"sampleCount": 2, "aspectRatio": "16:9", "outputOptions": {"mimeType": "image/png"},
        "includeRaiReason": true});
    assert_eq!(body, json!({"instances": [{"prompt": "A fox"}], "parameters": parameters}));
    assert!(written(&task(ImagesRequest { n: Some(5), ..asked() }), IMAGEN).is_err());
    let reference = Media::Url("https://host.example/a.png".to_owned());
    assert!(written(&task(ImagesRequest { references: vec![reference], ..asked() }), IMAGEN).is_err());
}

#[test]
fn imagen_counts_what_it_made() {
    let made = json!({"mimeType": "image/png", "bytesBase64Encoded": "AA=="});
    let body = json!({"predictions": [made, {"raiFilteredReason": "Code: 1"}, made]});
    let events = read(&task(asked()), IMAGEN, &body).unwrap();
    assert_eq!(events.iter().filter(|event| **event == image()).count(), 2);
    let counted = pricing::Usage::default().with(Class::Picture, 2);
    assert!(events.contains(&Event::Usage(counted)));
    for nothing in [json!({}), json!({"predictions": [{"raiFilteredReason": "Code: 1"}]})] {
        let error = read(&task(asked()), IMAGEN, &nothing).unwrap_err();
        assert_eq!(error.error_type, ErrorType::ContentPolicyViolation);
    }
    let broken = json!({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}});
    assert_eq!(read(&task(asked()), IMAGEN, &broken).unwrap_err().error_type, ErrorType::ProviderOverloaded);
}
