//! A client that puts an answer together from the events of its stream, and minds their order.

use serde_json::{Value, json};

/// Every event of a stream, whose last frame must be `[DONE]`.
pub(super) fn frames(out: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(out).unwrap();
    let events = text.strip_suffix("data: [DONE]\n\n").expect("a stream ends with [DONE]");
    let mut frames: Vec<Value> = Vec::new();
    for frame in events.split_terminator("\n\n") {
        let (event, data) = frame.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(data["type"], event.strip_prefix("event: ").unwrap());
        assert_eq!(data["sequence_number"], frames.len());
        frames.push(data);
    }
    frames
}

/// The output as the events tell it.
pub(super) fn replayed(frames: &[Value]) -> Value {
    let mut output: Vec<Value> = Vec::new();
    let mut done: Vec<bool> = Vec::new();
    assert_eq!(frames[0]["type"], "response.created");
    for frame in frames {
        let kind = frame["type"].as_str().unwrap();
        let Some(at) = frame["output_index"].as_u64().and_then(|at| usize::try_from(at).ok()) else {
            continue;
        };
        if kind == "response.output_item.added" {
            assert_eq!(at, output.len(), "items come in order");
            output.push(frame["item"].clone());
            done.push(false);
            continue;
        }
        assert!(!done[at], "{kind} after its item was done");
        let item = &mut output[at];
        if kind == "response.output_item.done" {
            let mut told = frame["item"].clone();
            for only_at_the_end in ["status", "encrypted_content", "signature", "format", "result"] {
                item[only_at_the_end] = told[only_at_the_end].clone();
                told[only_at_the_end] = told[only_at_the_end].take();
            }
            assert_eq!(*item, told, "what the events told is what came out");
            *item = frame["item"].clone();
            done[at] = true;
            continue;
        }
        assert_eq!(frame["item_id"], item["id"], "{kind}");
        apply(kind, frame, item);
    }
    assert!(done.iter().all(|done| *done), "every item is done");
    Value::Array(output)
}

fn apply(kind: &str, frame: &Value, item: &mut Value) {
    let place = |name: &str| usize::try_from(frame[name].as_u64().unwrap()).unwrap();
    match kind {
        "response.content_part.added" => {
            push(&mut item["content"], place("content_index"), frame["part"].clone())
        }
        "response.reasoning_summary_part.added" => {
            push(&mut item["summary"], place("summary_index"), frame["part"].clone());
        }
        "response.output_text.delta" => {
            let part = &mut item["content"][place("content_index")];
            append(&mut part["text"], &frame["delta"]);
            let logprobs = part["logprobs"].as_array_mut().unwrap();
            logprobs.extend(frame["logprobs"].as_array().unwrap().clone());
        }
        "response.refusal.delta" => {
            append(&mut item["content"][place("content_index")]["refusal"], &frame["delta"]);
        }
        "response.output_text.annotation.added" => {
            let annotations = &mut item["content"][place("content_index")]["annotations"];
            push(annotations, place("annotation_index"), frame["annotation"].clone());
        }
        "response.reasoning_text.delta" => {
            let at = place("content_index");
            if item["content"].is_null() {
                item["content"] = json!([]);
            }
            if item["content"].as_array().unwrap().len() == at {
                push(&mut item["content"], at, json!({"type": "reasoning_text", "text": ""}));
            }
            append(&mut item["content"][at]["text"], &frame["delta"]);
        }
        "response.reasoning_summary_text.delta" => {
            append(&mut item["summary"][place("summary_index")]["text"], &frame["delta"]);
        }
        "response.function_call_arguments.delta" => append(&mut item["arguments"], &frame["delta"]),
        "response.function_call_arguments.done" => {
            if item["name"] == "" {
                item["name"] = frame["name"].clone();
            }
            assert_eq!((&item["arguments"], &item["name"]), (&frame["arguments"], &frame["name"]));
        }
        "response.output_text.done" => {
            assert_eq!(item["content"][place("content_index")]["text"], frame["text"]);
        }
        "response.refusal.done" => {
            assert_eq!(item["content"][place("content_index")]["refusal"], frame["refusal"]);
        }
        "response.content_part.done" => assert_eq!(item["content"][place("content_index")], frame["part"]),
        "response.reasoning_text.done" => {
            assert_eq!(item["content"][place("content_index")]["text"], frame["text"]);
        }
        "response.reasoning_summary_text.done" => {
            assert_eq!(item["summary"][place("summary_index")]["text"], frame["text"]);
        }
        "response.reasoning_summary_part.done" => {
            assert_eq!(item["summary"][place("summary_index")], frame["part"]);
        }
        "response.image_generation_call.completed" => {}
        "response.image_generation_call.in_progress" | "response.image_generation_call.generating" => {
            assert_eq!(item["status"], "in_progress");
        }
        other => panic!("{other} is no event that we write"),
    }
}

fn push(list: &mut Value, place: usize, value: Value) {
    let list = list.as_array_mut().unwrap();
    assert_eq!(list.len(), place, "parts come in order");
    list.push(value);
}

fn append(text: &mut Value, delta: &Value) {
    *text = json!(format!("{}{}", text.as_str().unwrap(), delta.as_str().unwrap()));
}
