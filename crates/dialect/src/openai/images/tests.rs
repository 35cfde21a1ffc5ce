use pricing::{Class, Usage};
use serde_json::{Value, json};

use super::super::outgoing::tests::{at, sent, sent_json, with_target};
use super::*;
use crate::canonical::Operation;
use crate::client::Dialect;
use crate::end_user;
use crate::error::ErrorType;

fn body(members: &Value) -> Value {
    let mut body = json!({"model": "a/b", "prompt": "A fox"});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

fn image(url: &str) -> Value {
    json!({"type": "image_url", "image_url": {"url": url}})
}

#[test]
fn images_from_nothing_are_asked_for_in_json() {
    let members = json!({"n": 2, "quality": "low", "background": "opaque", "output_format": "jpeg", "seed": 4,
        "output_compression": 50, "user": "ann", "stream": true, "partial_images": 2, "moderation": "low",
        "svg": {"model": "dear"}, "aspect_ratio": "16:9", "frame_count": 9});
    let all = sent_json(
        Dialect::Images,
        &body(&members),
        &json!({"image_stream": true, "accepts": ["partial_images"]}),
    );
    let expected = json!({"model": "b-1", "prompt": "A fox", "n": 2, "quality": "low", "background": "opaque",
        "output_format": "jpeg", "output_compression": 50, "size": "1536x1024", "user": end_user::hashed("ann"),
        "moderation": "low", "stream": true, "partial_images": 2});
    assert_eq!(all, expected);
    let few = sent(
        Dialect::Images,
        &body(&members),
        &json!({"image_response_format": "b64_json", "accepts": ["aspect_ratio"]}),
        &["seed"],
    );
    let expected = json!({"model": "b-1", "prompt": "A fox", "seed": 4, "aspect_ratio": "16:9",
        "response_format": "b64_json", "user": end_user::hashed("ann")});
    let few = few.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&few.body).unwrap(), expected);
    assert_eq!(few.path, "/images/generations");
    let any = sent_json(Dialect::Images, &body(&json!({"size": "2K"})), &json!({"image_sizes": "any"}));
    assert_eq!(any["size"], "2048x2048");
    let listed =
        sent_json(Dialect::Images, &body(&json!({"size": "2K"})), &json!({"image_sizes": ["512x512"]}));
    assert_eq!(listed["size"], "512x512");
}

#[test]
fn images_from_images_are_asked_for_in_a_form() {
    let members = json!({"input_references": [image("data:image/png;base64,QUJD")], "mask": image("data:image/png;base64,RA=="), "n": 2});
    let one = sent(Dialect::Images, &body(&members), &json!({}), &[]).unwrap();
    assert_eq!(one.path, "/images/edits");
    let text = String::from_utf8(one.body.to_vec()).unwrap();
    for field in [
        "name=\"n\"\r\n\r\n2\r\n",
        "name=\"image\"; filename=\"image-0.png\"\r\nContent-Type: image/png\r\n\r\nABC\r\n",
        "name=\"mask\"; filename=\"mask.png\"\r\nContent-Type: image/png\r\n\r\nD\r\n",
    ] {
        assert!(text.contains(field), "{text}");
    }
    let two = json!({"input_references": [image("data:image/png;base64,QQ=="), image("data:image/webp;base64,QQ==")]});
    let two = sent(Dialect::Images, &body(&two), &json!({}), &[]).unwrap();
    assert!(
        String::from_utf8(two.body.to_vec()).unwrap().contains("name=\"image[]\"; filename=\"image-1.webp\"")
    );
    for url in ["https://h.example/a.png", "data:image/png;base64,?"] {
        let refused =
            sent(Dialect::Images, &body(&json!({"input_references": [image(url)]})), &json!({}), &[]);
        assert!(refused.is_err(), "{url}");
    }
}

#[test]
fn images_to_start_from_go_out_in_json_where_they_are_taken_so() {
    let quirks = json!({"image_references": "input_references", "paths": {"images/generations": "/images"}});
    let references = json!([image("https://h.example/a.png"), image("data:image/png;base64,QQ==")]);
    let members = json!({"input_references": references});
    let encoded = sent(Dialect::Images, &body(&members), &quirks, &[]).unwrap();
    let expected = json!({"model": "b-1", "prompt": "A fox", "input_references": references});
    assert_eq!(serde_json::from_slice::<Value>(&encoded.body).unwrap(), expected);
    assert_eq!(encoded.path, "/images");
    let masked = json!({"input_references": references, "mask": image("data:image/png;base64,QQ==")});
    assert!(sent(Dialect::Images, &body(&masked), &quirks, &[]).is_err());
    let answer = json!({"data": [{"b64_json": "AAAA", "media_type": "image/avif"}]});
    assert_eq!(shown(&read(&answer, &json!({})).unwrap()), ["data:image/avif;base64,AAAA"]);
}

fn read(body: &Value, quirks: &Value) -> Result<Vec<Event>, ProviderError> {
    let adapter = at(Operation::Images, quirks);
    with_target(quirks, &[], |target| adapter.decode(body.to_string().as_bytes(), target))
}

fn shown(events: &[Event]) -> Vec<&str> {
    let mut urls = Vec::new();
    for event in events {
        if let Event::Image { url, .. } = event {
            urls.push(url.as_str());
        }
    }
    urls
}

fn counted(events: &[Event]) -> Option<Usage> {
    events.iter().find_map(|event| if let Event::Usage(usage) = event { Some(*usage) } else { None })
}

#[test]
fn images_and_their_tokens_are_read() {
    let usage = json!({"total_tokens": 100, "input_tokens": 50, "output_tokens": 50,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 40}});
    let rows =
        json!([{"b64_json": "iVBORw0KGgoAAA", "revised_prompt": "A red fox"}, {"b64_json": "AAAA"}, {}]);
    let answer = json!({"created": 1, "data": rows, "output_format": "webp", "usage": usage});
    let events = read(&answer, &json!({})).unwrap();
    assert_eq!(shown(&events), ["data:image/png;base64,iVBORw0KGgoAAA", "data:image/webp;base64,AAAA"]);
    assert!(matches!(&events[2], Event::Extra { members, .. } if members["revised_prompt"] == "A red fox"));
    let expected = Usage::default()
        .with(Class::Input, 10)
        .with(Class::ImageInput, 40)
        .with(Class::ImageOutput, 50)
        .with(Class::Picture, 2);
    assert_eq!((counted(&events), events.last()), (Some(expected), Some(&Event::stop())));
    let plain = read(&json!({"data": [{"url": "data:image/jpeg;base64,AA=="}]}), &json!({})).unwrap();
    assert_eq!(shown(&plain), ["data:image/jpeg;base64,AA=="]);
    assert_eq!(counted(&plain), Some(Usage::default().with(Class::Picture, 1)));
    let apart = json!({"data": [{"b64_json": "AA"}], "usage": {"prompt_tokens": 3, "completion_tokens": 9,
        "completion_tokens_details": {"image_tokens": 7, "reasoning_tokens": 2}}});
    let apart = counted(&read(&apart, &json!({})).unwrap()).unwrap();
    assert_eq!((apart.get(Class::Input), apart.get(Class::Output), apart.get(Class::ImageOutput)), (3, 2, 7));
    let both = json!({"data": [{"b64_json": "AA"}], "usage": {"prompt_tokens": 3, "input_tokens": 3, "output_tokens": 9,
        "completion_tokens": 9, "completion_tokens_details": {"image_tokens": 7}, "output_tokens_details": {"image_tokens": 7}}});
    assert_eq!(counted(&read(&both, &json!({})).unwrap()), Some(apart));
}

#[test]
fn an_answer_without_an_image_is_a_failure() {
    for (body, words) in [
        (json!({"data": []}), "without an image"),
        (json!({"data": [{"url": "https://h.example/a.png"}]}), "the address of an image"),
        (json!({"created": 1}), "cannot be read"),
        (json!({"error": {"message": "unsafe prompt", "code": "content_policy_violation"}}), "unsafe prompt"),
    ] {
        let error = read(&body, &json!({})).unwrap_err();
        assert!(error.message.contains(words), "{error:?}");
    }
}

fn fold<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, quirks: &Value) -> Vec<Event> {
    let mut stream = with_target(quirks, &[], |target| at(Operation::Images, quirks).stream(target));
    let mut events = Vec::new();
    pieces.into_iter().for_each(|piece| stream.push(piece, &mut events));
    stream.end(&mut events);
    events
}

/// The same events however the bytes are cut; cut off anywhere it is a failure or whole.
fn streamed(body: &str, quirks: &Value) -> Vec<Event> {
    let body = body.as_bytes();
    let whole = fold([body], quirks);
    assert_eq!(fold(body.chunks(1), quirks), whole);
    for at in 0..body.len() {
        assert_eq!(fold([&body[..at], &body[at..]], quirks), whole, "cut at {at}");
        let cut = fold([&body[..at]], quirks);
        let has_failed = cut.iter().any(|event| matches!(event, Event::Failure(_)));
        let is_finished = cut.iter().any(|event| matches!(event, Event::Finish { .. }));
        assert!(has_failed != is_finished, "cut off after {at}");
    }
    whole
}

fn frame(kind: &str, members: Value) -> String {
    let mut frame = json!({"type": kind});
    frame.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    format!("event: {kind}\ndata: {frame}\n\n")
}

#[test]
fn a_stream_shows_images_while_they_are_made() {
    let partial = frame(
        "image_edit.partial_image",
        json!({"b64_json": "AA", "partial_image_index": 1, "output_format": "png"}),
    );
    let done = frame(
        "image_edit.completed",
        json!({"b64_json": "BB", "output_format": "png", "usage": {"input_tokens": 1, "output_tokens": 2}}),
    );
    let events = streamed(&format!("{partial}{done}data: [DONE]\n\n"), &json!({}));
    let usage = Usage::default().with(Class::Input, 1).with(Class::ImageOutput, 2).with(Class::Picture, 1);
    let expected = [
        Event::PartialImage { index: 0, partial: 1, url: "data:image/png;base64,AA".into() },
        Event::Image { choice: 0, url: "data:image/png;base64,BB".into() },
        Event::Usage(usage),
        Event::stop(),
    ];
    assert_eq!(events, expected);
    let two = streamed(&format!("{done}{done}"), &json!({}));
    assert_eq!(counted(&two).unwrap().get(Class::ImageOutput), 4);
    let open = streamed(&format!("{done}{partial}"), &json!({}));
    assert!(matches!(open.last(), Some(Event::Failure(_))));
    let failed = streamed(
        &format!("{partial}{}", frame("error", json!({"error": {"message": "x", "code": 503}}))),
        &json!({}),
    );
    assert!(
        matches!(failed.last(), Some(Event::Failure(error)) if error.error_type == ErrorType::ProviderOverloaded)
    );
    assert!(matches!(streamed("data: 7\n\n", &json!({}))[..], [Event::Failure(_)]));
}

#[test]
fn a_conversation_makes_images_where_the_catalogue_says_so() {
    let quirks = json!({"images": "chat"});
    let members = json!({"aspect_ratio": "16:9", "resolution": "2K", "n": 3, "stream": true, "svg": 1,
        "input_references": [image("data:image/png;base64,QQ==")]});
    let sent = sent_json(Dialect::Images, &body(&members), &quirks);
    let content = json!([{"type": "text", "text": "A fox"}, image("data:image/png;base64,QQ==")]);
    let expected = json!({"messages": [{"role": "user", "content": content}], "modalities": ["image", "text"],
        "image_config": {"aspect_ratio": "16:9", "image_size": "2K"}, "model": "b-1"});
    assert_eq!(sent, expected);
    let mut answer = json!({"id": "c", "model": "m", "choices": [{"index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": "Here it is.", "images": [image("data:image/png;base64,QQ==")]}}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}});
    let events = read(&answer, &quirks).unwrap();
    assert_eq!(shown(&events), ["data:image/png;base64,QQ=="]);
    let usage = Usage::default().with(Class::Input, 5).with(Class::Output, 7).with(Class::Picture, 1);
    assert_eq!((counted(&events), events.last(), events.len()), (Some(usage), Some(&Event::stop()), 4));
    let chunk = json!({"id": "c", "model": "m", "choices": [{"index": 0, "finish_reason": "stop",
        "delta": answer["choices"][0]["message"]}], "usage": answer["usage"]});
    assert_eq!(streamed(&format!("data: {chunk}\n\ndata: [DONE]\n\n"), &quirks), events);
    answer["choices"][0]["message"]["images"] = json!([]);
    assert!(read(&answer, &quirks).unwrap_err().message.contains("without an image"));
    answer["choices"][0]["message"]["images"] = json!([image("https://h.example/a.png")]);
    assert!(read(&answer, &quirks).unwrap_err().message.contains("the address of an image"));
}
