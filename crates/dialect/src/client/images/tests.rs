use bytes::Bytes;
use pricing::{Amount, Class, Usage};
use serde_json::{Map, Value, json};

use crate::canonical::{Event, ImagesRequest, Media, Task};
use crate::client::{Bill, Dialect, Envelope, PublicError};
use crate::error::ErrorType;

fn body(members: &Value) -> Bytes {
    let mut body = json!({"model": "a/b", "prompt": "A fox"});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    Bytes::from(body.to_string())
}

fn task(members: &Value) -> Task {
    Dialect::Images.decode(&body(members)).unwrap()
}

fn decoded(members: &Value) -> ImagesRequest {
    match task(members) {
        Task::Images(request) => request,
        other => panic!("{other:?}"),
    }
}

fn image(url: &str) -> Value {
    json!({"type": "image_url", "image_url": {"url": url}})
}

#[test]
fn everything_is_read() {
    let members = json!({"n": 3, "size": "1536x1024", "resolution": "1K", "aspect_ratio": "3:2", "quality": "hd",
        "background": "opaque", "output_format": "webp", "output_compression": 80, "seed": -4, "stream": true,
        "partial_images": 2, "user": "ann", "moderation": "low", "response_format": "b64_json",
        "input_references": [image("data:image/PNG;base64,QUJD"), image("https://h.example/a.png")],
        "mask": image("data:image/png;base64,QQ=="), "provider": {"only": ["x"], "options": {"house": {"steps": 4}}}});
    let request = decoded(&members);
    assert_eq!((request.n, request.size.as_deref(), request.seed), (Some(3), Some("1536x1024"), Some(-4)));
    assert_eq!((request.resolution.as_deref(), request.aspect_ratio.as_deref()), (Some("1K"), Some("3:2")));
    assert_eq!((request.quality.as_deref(), request.output_compression), (Some("hd"), Some(80)));
    assert_eq!((request.stream, request.partial_images), (true, Some(2)));
    let inline = Media::Inline { media_type: "image/png".into(), data: "QUJD".into() };
    assert_eq!(request.references, [inline, Media::Url("https://h.example/a.png".into())]);
    assert!(request.mask.is_some());
    assert_eq!(Value::Object(request.options), json!({"house": {"steps": 4}}));
    assert_eq!(Value::Object(request.extra), json!({"moderation": "low"}));
    let peek = Dialect::Images.peek(&body(&members)).unwrap();
    assert_eq!((peek.pictures, peek.images, peek.stream), (3, 3, true));
    assert_eq!(peek.input_modalities, ["text", "image"]);
    assert_eq!(peek.text_bytes, body(&members).len() as u64 - 8);
    let set = ["n", "size", "resolution", "aspect_ratio", "quality", "background", "output_format"];
    assert_eq!(peek.parameters[..7], set);
    assert_eq!(peek.parameters[7..], ["output_compression", "seed", "input_references", "mask"]);
    let plain = Dialect::Images.peek(&body(&json!({"n": 1, "size": "auto"}))).unwrap();
    assert_eq!((plain.pictures, plain.images, plain.parameters), (1, 0, vec![]));
}

#[test]
fn a_size_may_be_the_name_of_a_resolution() {
    let request = decoded(&json!({"size": "2K", "aspect_ratio": "auto"}));
    assert_eq!((request.size, request.resolution.as_deref(), request.aspect_ratio), (None, Some("2K"), None));
    for (size, resolution, ratio) in [
        ("1792x1024", "1K", "16:9"),
        ("3840x2160", "4K", "16:9"),
        ("3840x2160", "2K", "16:9"),
        ("1024x1536", "2K", "2:3"),
    ] {
        decoded(&json!({"size": size, "resolution": resolution, "aspect_ratio": ratio}));
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (members, words) in [
        (json!({"prompt": ""}), "`prompt` must be a string that is not empty"),
        (json!({"n": 11}), "`n` must be an integer from 1 to 10"),
        (json!({"size": "large"}), "`size` must be pixels such as"),
        (json!({"size": "1K", "resolution": "2K"}), "`size` and `resolution` contradict"),
        (json!({"size": "1024x1024", "resolution": "4K"}), "`size` and `resolution` contradict"),
        (json!({"size": "1024x1024", "aspect_ratio": "16:9"}), "`size` and `aspect_ratio` contradict"),
        (json!({"aspect_ratio": "wide"}), "`aspect_ratio` must be `auto` or two numbers"),
        (json!({"resolution": "8K"}), "`resolution` must be one of 512, 1K, 2K, 4K"),
        (json!({"quality": "best"}), "`quality` must be one of"),
        (json!({"background": "transparent", "output_format": "jpeg"}), "needs an `output_format` of png"),
        (json!({"output_compression": 101}), "`output_compression` must be an integer from 0 to 100"),
        (json!({"response_format": "url"}), "`url` is not served"),
        (json!({"input_references": [{"type": "text", "text": "x"}]}), "`input_references[0].type` must be"),
        (json!({"input_references": vec![image("https://h.example"); 17]}), "must have at most 16 entries"),
        (json!({"mask": image("https://h.example")}), "`mask` needs an image"),
        (json!({"partial_images": 4}), "`partial_images` must be an integer from 0 to 3"),
        (json!({"seed": 1.5}), "`seed` must be an integer"),
        (json!({"stream": 1}), "`stream` must be true or false"),
    ] {
        let refusal = Dialect::Images.peek(&body(&members)).unwrap_err();
        assert!(refusal.message.contains(words), "{refusal}");
        assert_eq!(Dialect::Images.decode(&body(&members)).unwrap_err(), refusal);
    }
}

fn answered(members: &Value, stream: bool) -> String {
    let envelope = Envelope { created: 7, model: "a/b".into(), provider: "P".into(), ..Envelope::default() };
    let task = task(members);
    let mut encoder = Dialect::Images.answer(envelope, Some(&task), stream);
    let mut out = Vec::new();
    let partial = Event::PartialImage { index: 0, partial: 1, url: "data:image/webp;base64,UA==".into() };
    encoder.event(partial, &mut out);
    encoder.event(Event::Image { choice: 0, url: "data:image/png;base64,QQ==".into() }, &mut out);
    let members = Map::from_iter([("revised_prompt".to_owned(), json!("A red fox"))]);
    encoder.event(Event::Extra { choice: 0, members }, &mut out);
    encoder
        .event(Event::Image { choice: 0, url: "data:application/octet-stream;base64,Qg==".into() }, &mut out);
    let usage = Usage::default()
        .with(Class::Input, 10)
        .with(Class::ImageInput, 5)
        .with(Class::ImageOutput, 272)
        .with(Class::Picture, 2);
    encoder.finish(&Bill { usage, cost: Amount::from_nanos(2_000_000), ..Bill::default() }, &mut out);
    String::from_utf8(out).unwrap()
}

fn check_usage(usage: &Value) {
    assert_eq!((&usage["prompt_tokens"], &usage["completion_tokens"]), (&json!(15), &json!(272)));
    assert_eq!((&usage["input_tokens"], &usage["output_tokens"]), (&json!(15), &json!(272)));
    assert_eq!(usage["input_tokens_details"], json!({"image_tokens": 5, "text_tokens": 10}));
    assert_eq!(usage["completion_tokens_details"]["image_tokens"], 272);
    assert_eq!((&usage["total_tokens"], &usage["cost"]), (&json!(287), &json!(0.002)));
}

#[test]
fn images_come_whole_with_what_they_took() {
    let answer: Value = serde_json::from_str(&answered(&json!({}), false)).unwrap();
    let first = json!({"b64_json": "QQ==", "media_type": "image/png", "revised_prompt": "A red fox"});
    assert_eq!(answer["data"], json!([first, {"b64_json": "Qg=="}]));
    assert_eq!((&answer["created"], &answer["model"]), (&json!(7), &json!("a/b")));
    check_usage(&answer["usage"]);
}

#[test]
fn a_stream_shows_what_is_unfinished_and_ends_with_all_that_is_done() {
    let answer = answered(&json!({"quality": "low"}), true);
    let frames: Vec<&str> = answer.split_terminator("\n\n").collect();
    assert_eq!((frames.len(), frames[3]), (4, "data: [DONE]"));
    let read = |frame: &str, name: &str| -> Value {
        serde_json::from_str(frame.strip_prefix(&format!("event: {name}\ndata: ")).unwrap()).unwrap()
    };
    let partial = read(frames[0], "image_generation.partial_image");
    assert_eq!((&partial["partial_image_index"], &partial["b64_json"]), (&json!(1), &json!("UA==")));
    assert_eq!((&partial["output_format"], &partial["quality"]), (&json!("webp"), &json!("low")));
    let first = read(frames[1], "image_generation.completed");
    assert_eq!((&first["type"], &first["b64_json"]), (&json!("image_generation.completed"), &json!("QQ==")));
    assert_eq!((&first["usage"]["total_tokens"], &first["usage"]["cost"]), (&json!(0), &json!(0)));
    let second = read(frames[2], "image_generation.completed");
    assert_eq!(
        (&second["created"], &second["created_at"], &second["size"]),
        (&json!(7), &json!(7), &json!("auto"))
    );
    check_usage(&second["usage"]);
}

#[test]
fn a_stream_that_breaks_says_so() {
    let mut out = Vec::new();
    let error = PublicError::new(ErrorType::ProviderUnavailable, "gone");
    Dialect::Images.answer(Envelope::default(), None, true).fail(&error, None, &mut out);
    let text = String::from_utf8(out).unwrap();
    let frame =
        text.strip_prefix("event: error\ndata: ").unwrap().strip_suffix("\n\ndata: [DONE]\n\n").unwrap();
    let expected = json!({"type": "error", "error": {"code": "provider_unavailable", "message": "gone",
        "type": "provider_unavailable", "param": null}});
    assert_eq!(serde_json::from_str::<Value>(frame).unwrap(), expected);
}

#[test]
fn each_picture_may_take_all_tokens_of_an_answer() {
    let of = |members: Value| Dialect::Images.peek(&body(&members)).unwrap();
    assert_eq!((of(json!({})).pictures, of(json!({})).choices), (1, 1));
    assert_eq!((of(json!({"n": 10})).pictures, of(json!({"n": 10})).choices), (10, 10));
}
