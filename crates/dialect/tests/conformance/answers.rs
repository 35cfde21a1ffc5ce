//! What a provider's answer is read as, whatever way it is cut.

use std::collections::BTreeMap;

use dialect::canonical::{Event, FinishReason, Operation};
use dialect::error::ProviderError;
use pricing::Usage;
use serde_json::{Map, Value};

use crate::fixtures::Case;
use crate::problems::Problems;
use crate::routes::Endpoint;

/// Streams up to this many bytes are cut in two at each byte.
const CUT_IN_TWO: usize = 4 * 1024;

/// Longer ones are cut into pieces of this many bytes, begun at each byte of the first piece: again every byte is
/// once the place of a cut.
const PIECE: usize = 256;

/// Reads an answer whole, and a stream in every way it may be cut.
pub(crate) fn read(case: &Case, endpoint: &Endpoint, problems: &mut Problems) -> Vec<Event> {
    if !case.is_stream || case.shows("json_array_stream") {
        return endpoint
            .adapter()
            .decode(&case.response, &endpoint.target())
            .unwrap_or_else(|error| vec![Event::Failure(error)]);
    }
    let body = &case.response[..];
    let whole = streamed(endpoint, [body]);
    problems
        .check(streamed(endpoint, body.chunks(1)) == whole, || "byte by byte it reads otherwise".to_owned());
    let cuts = if body.len() <= CUT_IN_TWO { body.len() } else { PIECE };
    let differs = (1..cuts).find(|at| {
        let (first, rest) = body.split_at(*at);
        let size = if body.len() <= CUT_IN_TWO { body.len() } else { PIECE };
        streamed(endpoint, std::iter::once(first).chain(rest.chunks(size))) != whole
    });
    problems.check(differs.is_none(), || format!("cut at {differs:?} it reads otherwise"));
    whole
}

fn streamed<'a>(endpoint: &Endpoint, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut decoder = endpoint.adapter().stream(&endpoint.target());
    let mut events = Vec::new();
    pieces.into_iter().for_each(|piece| decoder.push(piece, &mut events));
    decoder.end(&mut events);
    events
}

/// An answer with its pieces put together.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) choices: BTreeMap<u32, Choice>,
    pub(crate) vectors: BTreeMap<u32, Vec<f32>>,
    pub(crate) ranked: Vec<(u32, f64)>,
    pub(crate) usage: Option<Usage>,
    pub(crate) failure: Option<ProviderError>,
}

#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Choice {
    pub(crate) text: String,
    pub(crate) refusal: String,
    pub(crate) reasoning: String,
    /// By index: id, name, arguments.
    pub(crate) calls: BTreeMap<u32, (String, String, String)>,
    pub(crate) images: Vec<String>,
    pub(crate) finish: Option<(FinishReason, String)>,
}

/// # Panics
/// When something follows a failure, or a choice ends twice.
pub(crate) fn fold(events: &[Event]) -> Answer {
    let mut answer = Answer::default();
    for event in events {
        let is_usage = matches!(event, Event::Usage(_));
        assert!(answer.failure.is_none() || is_usage, "{event:?} came after a failure");
        match event.clone() {
            Event::Text { choice, text } => answer.choice(choice).text.push_str(&text),
            Event::Refusal { choice, text } => answer.choice(choice).refusal.push_str(&text),
            Event::Reasoning { choice, detail } => {
                answer.choice(choice).reasoning.push_str(detail.text().unwrap_or_default());
            }
            Event::ToolCall { choice, index, id, name, arguments } => {
                let call = answer.choice(choice).calls.entry(index).or_default();
                call.0.push_str(&id.unwrap_or_default());
                call.1.push_str(&name.unwrap_or_default());
                call.2.push_str(&arguments);
            }
            Event::Image { choice, url } => answer.choice(choice).images.push(url),
            Event::Finish { choice, reason, native } => {
                let before = answer.choice(choice).finish.replace((reason, native));
                assert!(before.is_none(), "choice {choice} ends twice");
            }
            Event::Embedding { index, vector } => {
                assert!(answer.vectors.insert(index, vector).is_none(), "two vectors of input {index}");
            }
            Event::Ranked { index, score } => answer.ranked.push((index, score)),
            Event::Usage(usage) => answer.usage = Some(usage),
            Event::Failure(error) => answer.failure = Some(error),
            _ => {}
        }
    }
    answer
}

impl Answer {
    fn choice(&mut self, index: u32) -> &mut Choice {
        self.choices.entry(index).or_default()
    }

    fn all_calls(&self) -> usize {
        self.choices.values().map(|choice| choice.calls.len()).sum()
    }

    fn all(&self, text: impl Fn(&Choice) -> &str) -> String {
        self.choices.values().map(text).collect()
    }
}

/// Whether a provider failed inside an answer with a good status, so that a failure is what has to be read.
pub(crate) fn has_to_fail(case: &Case) -> bool {
    // The one whose publisher joined two answers: nobody could tell which one was meant.
    let is_two = case.name.ends_with("claude-3-haiku-20240307-14116");
    // A prompt that was blocked: no answer, whatever the status.
    is_two
        || case.shows("prompt_blocked")
        || ["stream_error", "response_failed"].iter().any(|situation| case.shows(situation))
}

/// What the publisher of the recording found has to be found.
pub(crate) fn check(case: &Case, operation: Operation, answer: &Answer, problems: &mut Problems) {
    if let Some(failure) = &answer.failure {
        problems.check(has_to_fail(case), || format!("it was read as a failure: {failure:?}"));
        return;
    }
    problems.check(!has_to_fail(case), || "its failure was not seen".to_owned());
    match operation {
        Operation::Chat => check_conversation(case, answer, problems),
        Operation::Embeddings => {
            let is_sound =
                |vector: &Vec<f32>| !vector.is_empty() && vector.iter().all(|value| value.is_finite());
            let is_empty =
                case.request.as_ref().is_some_and(|request| request["input"] == serde_json::json!([]));
            problems.check(!answer.vectors.is_empty() || is_empty, || "it has no vectors".to_owned());
            problems.check(answer.vectors.values().all(is_sound), || "a vector is not sound".to_owned());
            let are_in_order =
                answer.vectors.keys().copied().eq(0..u32::try_from(answer.vectors.len()).unwrap());
            problems.check(are_in_order, || "vectors are not numbered one by one".to_owned());
        }
        Operation::Rerank => {
            problems.check(!answer.ranked.is_empty(), || "nothing was ranked".to_owned());
            let falls = answer.ranked.is_sorted_by(|one, two| one.1 >= two.1);
            problems.check(falls, || "the ranking does not fall".to_owned());
        }
        other => panic!("{other:?} was never recorded"),
    }
}

fn check_conversation(case: &Case, answer: &Answer, problems: &mut Problems) {
    let native = &case.native;
    if case.name.starts_with("bedrock/converse-unary-citations") {
        // Its publisher did not count the texts that are cited.
        problems.check(answer.all(|choice| &choice.text).contains("Fun fun fun"), || {
            "cited text is lost".to_owned()
        });
        return;
    }
    let characters = |text: &str| text.chars().count() as u64;
    if let Some(length) = native["text_chars"].as_u64() {
        let found = characters(&answer.all(|choice| &choice.text));
        problems.check(found == length, || format!("{found} characters of text, recorded {length}"));
    }
    let start = native["text_start"].as_str().unwrap_or_default();
    // Choices of one stream were recorded in the order of its pieces.
    let is_one = answer.choices.len() == 1 || !case.is_stream;
    problems.check(!is_one || answer.all(|choice| &choice.text).starts_with(start), || {
        "the text begins otherwise".to_owned()
    });
    if let Some(length) = native["reasoning_chars"].as_u64() {
        let found = characters(&answer.all(|choice| &choice.reasoning));
        problems.check(found == length, || format!("{found} characters of reasoning, recorded {length}"));
    }
    check_calls(case, answer, problems);
    problems.check(!answer.choices.is_empty(), || "it has no choices".to_owned());
    for (index, choice) in &answer.choices {
        let Some((_, native_reason)) = &choice.finish else {
            problems.add(format!("choice {index} has no end"));
            continue;
        };
        let mut recorded = native["finish"].as_array().into_iter().flatten();
        let is_recorded = recorded.any(|reason| reason == native_reason);
        // OpenRouter tells two: the one that was recorded, and its own provider's, which is the native one.
        let are_none = case.provider == "openrouter" || native["finish"].as_array().is_none_or(Vec::is_empty);
        problems.check(is_recorded || are_none, || {
            format!("its end is `{native_reason}`, recorded {}", native["finish"])
        });
    }
}

fn check_calls(case: &Case, answer: &Answer, problems: &mut Problems) {
    if case.shows("partial_tool_args") {
        // Its publisher listed every piece of the one call that there is.
        problems.check(answer.all_calls() == 1, || format!("{} calls, not one", answer.all_calls()));
        return;
    }
    let recorded = case.native["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    let found: Vec<_> = answer.choices.values().flat_map(|choice| choice.calls.values()).collect();
    problems.check(found.len() == recorded.len(), || {
        format!("{} calls, recorded {}", found.len(), recorded.len())
    });
    for ((id, name, arguments), recorded) in found.into_iter().zip(recorded) {
        problems.check(recorded["name"] == *name, || {
            format!("a call of `{name}`, recorded {}", recorded["name"])
        });
        let recorded = recorded["arguments"].as_str().unwrap_or_default();
        problems.check(object(arguments) == object(recorded), || {
            format!("arguments {arguments}, recorded {recorded}")
        });
        problems.check(id.len() <= 64, || format!("a call with the id `{id}`"));
    }
}

/// Arguments as they are meant: none is an empty object. Text that is no JSON, because the answer broke off in
/// it, is itself.
pub(crate) fn object(arguments: &str) -> Value {
    match arguments {
        "" | "null" => Value::Object(Map::new()),
        text => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
    }
}
