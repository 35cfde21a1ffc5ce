//! The form of the answer, reasoning, and what is to come with an answer.

use serde_json::{Map, Value, json};

use super::super::super::encode::reasoning;
use super::super::super::quirks::Quirks;
use super::put;
use crate::canonical::{Request, ResponseFormat};
use crate::codec::Target;
use crate::end_user;
use crate::members::{Member, Members};

const ENCRYPTED: &str = "reasoning.encrypted_content";
const LOGPROBS: &str = "message.output_text.logprobs";

/// Members of `reasoning` that are this dialect's own.
const REASONING: [&str; 4] = ["summary", "generate_summary", "context", MODE];
/// How much work goes into an answer, at a price of its own, so it must be accepted by name.
const MODE: &str = "mode";

/// A schema that the endpoint cannot hold to becomes plain JSON where the conversation speaks of JSON, which
/// is demanded then, and else nothing.
pub(super) fn text(body: &mut Members<'_>, request: &Request, target: &Target<'_>) {
    let is_schema = matches!(request.response_format, Some(ResponseFormat::JsonSchema { .. }));
    let takes_schema = target.takes("structured_outputs");
    let takes_format = takes_schema || target.takes("response_format");
    if (!is_schema || takes_schema) && takes_format && target.takes("verbosity") {
        return;
    }
    let Some(Value::Object(mut text)) = body.value("text") else { return };
    if !target.takes("verbosity") {
        text.shift_remove("verbosity");
    }
    if is_schema && !takes_schema && takes_format && says_json(request) {
        text.insert("format".to_owned(), json!({"type": "json_object"}));
    } else if !takes_format || (is_schema && !takes_schema) {
        text.shift_remove("format");
    }
    put(body, "text", Value::Object(text));
}

fn says_json(request: &Request) -> bool {
    let mut says_json = false;
    for message in &request.messages {
        message.for_each_text(|text| says_json |= crate::classify::mentions(text, &["json"]));
    }
    says_json
}

/// How much to reason, in an effort that the endpoint knows, beside what the client says of it in this
/// dialect's own words.
pub(super) fn reasoning(body: &mut Members<'_>, request: &Request, target: &Target<'_>, quirks: Quirks<'_>) {
    let sent = body.value("reasoning");
    let takes = target.takes("reasoning") || target.takes("reasoning_effort");
    let Some(wanted) = request.reasoning.as_ref().filter(|_| takes && !quirks.is("reasoning_member", "none"))
    else {
        body.remove("reasoning");
        return;
    };
    let mut members = Map::new();
    let effort = reasoning::effort(request, target, quirks);
    if let Some(effort) = effort {
        members.insert("effort".to_owned(), json!(effort));
    }
    match sent {
        Some(sent) => {
            for name in REASONING {
                members.extend(sent.get(name).map(|value| (name.to_owned(), value.clone())));
            }
        }
        // Other dialects show what a model thinks unless they are told not to.
        None if !wanted.exclude && effort != Some("none") => {
            members.insert("summary".to_owned(), json!("auto"));
        }
        None => {}
    }
    if quirks.denies("reasoning_summary") {
        members.retain(|name, _| !name.ends_with("summary"));
    }
    members.retain(|name, value| {
        !value.is_null() && (name != MODE || quirks.lists("accepts", "reasoning.mode"))
    });
    put(body, "reasoning", Value::Object(members));
}

/// What comes beside the answer: sealed reasoning always, since nothing else brings it back in the next turn.
pub(super) fn include(
    body: &mut Members<'_>,
    sent: &Value,
    request: &Request,
    target: &Target<'_>,
    quirks: Quirks<'_>,
) {
    let mut names: Vec<&str> = sent.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    names.retain(|name| *name != ENCRYPTED && *name != LOGPROBS);
    let reasons = target.takes("reasoning") || target.takes("reasoning_effort");
    if reasons && !quirks.denies("encrypted_reasoning") {
        names.push(ENCRYPTED);
    }
    let wants_logprobs = request.extra.get("logprobs") == Some(&Value::Bool(true));
    if wants_logprobs && (target.takes("logprobs") || target.takes("top_logprobs")) {
        names.push(LOGPROBS);
    }
    if !names.is_empty() {
        body.set("include", Member::Made(json!(names)));
    }
}

/// Providers know an end user by a name that does not say who it is.
pub(super) fn user(body: &mut Members<'_>) {
    for name in ["user", "safety_identifier"] {
        if let Some(value) = body.value(name) {
            body.make(name, value.as_str().map(end_user::hashed));
        }
    }
}
