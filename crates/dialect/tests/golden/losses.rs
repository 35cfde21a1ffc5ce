//! What is carried, what is said otherwise and what is lost, for every client dialect at every provider dialect.
//!
//! `losses/requests.json` has, for each feature, what a client adds to a plain request, how that reads when it is
//! `own`, the `signs` of it in other forms (one that begins with `!` is a sign by its absence), and the reason for
//! each provider that does not get it. `losses/answers.json` has an answer of each provider and what to find in it.

use std::collections::BTreeMap;
use std::path::Path;

use dialect::canonical::Event;
use dialect::client::{Bill, Dialect, Envelope};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::providers::{CLIENTS, PROVIDERS, Provider};

#[derive(Deserialize)]
pub(crate) struct RequestFeature {
    pub(crate) feature: String,
    signs: Vec<String>,
    chat: Option<Said>,
    responses: Option<Said>,
    messages: Option<Said>,
    /// By provider.
    #[serde(default)]
    pub(crate) dropped: BTreeMap<String, String>,
}

/// A feature in a client's words.
#[derive(Deserialize)]
struct Said {
    own: String,
    body: Map<String, Value>,
}

#[derive(Deserialize)]
pub(crate) struct Answers {
    /// A whole answer by provider.
    answers: BTreeMap<String, Value>,
    pub(crate) features: Vec<AnswerFeature>,
}

#[derive(Deserialize)]
pub(crate) struct AnswerFeature {
    pub(crate) feature: String,
    /// Where it is in a provider's answer, and in a client's.
    sign: String,
    /// By client.
    #[serde(default)]
    pub(crate) dropped: BTreeMap<String, String>,
}

/// What becomes of a feature on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// As it was said.
    Carried,
    /// In another form.
    Mapped,
    Dropped,
    /// The whole request is refused, so that another endpoint may take it.
    Refused,
    /// It cannot be said here.
    Unsaid,
}

fn data<T: DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/losses").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub(crate) fn requests() -> Vec<RequestFeature> {
    data("requests.json")
}

pub(crate) fn answers() -> Answers {
    data("answers.json")
}

impl RequestFeature {
    pub(crate) fn fate(&self, client: Dialect, provider: &Provider) -> Fate {
        let said = match client {
            Dialect::Chat => &self.chat,
            Dialect::Responses => &self.responses,
            _ => &self.messages,
        };
        let Some(said) = said else { return Fate::Unsaid };
        let mut body = plain(client);
        for (name, value) in &said.body {
            body[name] = value.clone();
        }
        let written = provider.written(client, &body).unwrap();
        if written.get("refused").is_some() {
            return Fate::Refused;
        }
        let text = written["body"].to_string();
        let has = |sign: &String| match sign.strip_prefix('!') {
            Some(absent) => !text.contains(absent),
            None => text.contains(sign.as_str()),
        };
        if text.contains(&said.own) {
            Fate::Carried
        } else if self.signs.iter().any(has) {
            Fate::Mapped
        } else {
            Fate::Dropped
        }
    }
}

fn plain(client: Dialect) -> Value {
    let turns = json!([{"role": "user", "content": "Rate it."}]);
    match client {
        Dialect::Chat => json!({"model": "author/model", "messages": turns}),
        Dialect::Responses => json!({"model": "author/model", "input": turns}),
        _ => json!({"model": "author/model", "max_tokens": 1_000, "messages": turns}),
    }
}

impl Answers {
    /// The fate of a feature in the answer of a provider.
    pub(crate) fn fate(&self, feature: &AnswerFeature, client: Dialect, provider: &Provider) -> Fate {
        let Some(answer) = self.answers.get(provider.name) else { return Fate::Unsaid };
        if !answer.to_string().contains(&feature.sign) {
            return Fate::Unsaid;
        }
        let written = written(client, provider.read(client, answer).unwrap());
        if written.contains(&feature.sign) { Fate::Carried } else { Fate::Dropped }
    }
}

/// A whole answer as a client gets it.
pub(crate) fn written(client: Dialect, events: Vec<Event>) -> String {
    let envelope =
        Envelope { id: "gen-1".to_owned(), model: "author/model".to_owned(), ..Envelope::default() };
    let task = client.decode(&plain(client).to_string().into()).unwrap();
    let mut encoder = client.answer(envelope, Some(&task), false);
    let mut out = Vec::new();
    events.into_iter().for_each(|event| encoder.event(event, &mut out));
    encoder.finish(&Bill::default(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn what_a_request_loses_has_its_reason() {
    let mut wrong = Vec::new();
    for feature in requests() {
        for provider in &PROVIDERS {
            let fates: Vec<_> = CLIENTS.iter().map(|client| feature.fate(*client, provider)).collect();
            let is_lost = fates.iter().any(|fate| matches!(fate, Fate::Dropped | Fate::Refused));
            let has_reason = feature.dropped.contains_key(provider.name);
            if is_lost != has_reason {
                let verb =
                    if has_reason { "has a reason but is not lost" } else { "is lost without a reason" };
                wrong.push(format!("{} {verb} at {}: {fates:?}", feature.feature, provider.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_an_answer_loses_has_its_reason() {
    let answers = answers();
    let mut wrong = Vec::new();
    for feature in &answers.features {
        for client in CLIENTS {
            let fates: Vec<_> =
                PROVIDERS.iter().map(|provider| answers.fate(feature, client, provider)).collect();
            let is_lost = fates.contains(&Fate::Dropped);
            if is_lost != feature.dropped.contains_key(client.as_str()) {
                wrong.push(format!("{} for {}: {fates:?}", feature.feature, client.as_str()));
            }
            assert!(fates.iter().any(|fate| *fate != Fate::Unsaid), "nobody says {}", feature.feature);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
