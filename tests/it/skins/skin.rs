//! A dialect of conversations as it is on the wire.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testkit::{Api, Reply};

use crate::root;

/// A model at one provider of some dialect.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) dialect: String,
    model: String,
    provider: String,
    can: Vec<String>,
}

impl Target {
    pub(super) fn can(&self, what: &str) -> bool {
        self.can.iter().any(|can| can == what)
    }
}

/// The models that the official clients are run over.
pub(super) fn targets() -> anyhow::Result<Vec<Target>> {
    let file = std::fs::read_to_string(root().join("tests/clients/targets.json"))?;
    let rows: Vec<Value> = serde_json::from_str(&file)?;
    let text = |value: &Value| value.as_str().map(str::to_owned).context("a target is not complete");
    rows.iter()
        .map(|row| {
            Ok(Target {
                dialect: text(&row["dialect"])?,
                model: text(&row["model"])?,
                provider: text(&row["provider"])?,
                can: row["can"].as_array().into_iter().flatten().map(text).collect::<Result<_, _>>()?,
            })
        })
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Skin {
    Chat,
    Responses,
    Messages,
}

/// One event of a stream: its name, where it has one, and its data.
pub(super) type Event = (Option<String>, Value);

/// An answer as it came.
#[derive(Debug)]
pub(super) struct Answer(Reply);

impl Skin {
    pub(super) const ALL: [Self; 3] = [Self::Chat, Self::Responses, Self::Messages];

    pub(super) async fn ask(
        self,
        api: &Api,
        target: &Target,
        prompt: &str,
        stream: bool,
    ) -> anyhow::Result<Answer> {
        let user = json!([{"role": "user", "content": prompt}]);
        let (path, mut body) = match self {
            Self::Chat => ("/chat/completions", json!({ "messages": user })),
            Self::Responses => ("/responses", json!({ "input": prompt })),
            Self::Messages => ("/messages", json!({ "messages": user, "max_tokens": 3_000 })),
        };
        body["model"] = json!(target.model);
        body["provider"] = json!({"only": [target.provider], "allow_fallbacks": false});
        body["stream"] = json!(stream);
        Ok(Answer(api.post(path, body.to_string()).await?))
    }

    /// What this dialect calls the end of an answer that a filter ended.
    pub(super) const fn word_of_a_filter(self) -> &'static str {
        match self {
            Self::Chat | Self::Responses => "content_filter",
            Self::Messages => "refusal",
        }
    }

    /// # Errors
    /// When events are out of order, missing, or there twice.
    pub(super) fn check_grammar(self, events: &[Event]) -> anyhow::Result<()> {
        match self {
            Self::Chat => check_chunks(events),
            Self::Responses => check_numbered(events),
            Self::Messages => check_blocks(events),
        }
    }

    /// The member that holds an answer's envelope in an event or body.
    fn envelope(self, data: &Value) -> &Value {
        match self {
            Self::Responses if data["response"].is_object() => &data["response"],
            Self::Messages if data["message"].is_object() => &data["message"],
            _ => data,
        }
    }
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.0.status
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.0.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The events of a stream; comments are none, and neither is the end mark.
    ///
    /// # Errors
    /// When it is no stream.
    pub(super) fn events(&self) -> anyhow::Result<Vec<Event>> {
        let text = self.0.body.as_str().context("not a stream")?;
        let frames = text.split("\n\n").filter(|frame| !frame.trim().is_empty() && !frame.starts_with(':'));
        let mut events = Vec::new();
        for frame in frames {
            let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            let data = field("data:").with_context(|| format!("not a frame: {frame}"))?;
            let data = if data == "[DONE]" { json!("[DONE]") } else { serde_json::from_str(data)? };
            events.push((field("event:").map(str::to_owned), data));
        }
        Ok(events)
    }

    /// The whole body, or the data of every event.
    fn pieces(&self) -> anyhow::Result<Vec<Value>> {
        match &self.0.body {
            Value::String(_) => Ok(self.events()?.into_iter().map(|(_, data)| data).collect()),
            body => Ok(vec![body.clone()]),
        }
    }

    /// Every identity that it gives itself.
    pub(super) fn ids(&self, skin: Skin) -> anyhow::Result<Vec<String>> {
        let pieces = self.pieces()?;
        Ok(pieces.iter().filter_map(|piece| Some(skin.envelope(piece)["id"].as_str()?.to_owned())).collect())
    }

    /// Dollars, in the last usage.
    pub(super) fn cost(&self, skin: Skin) -> anyhow::Result<Option<f64>> {
        let pieces = self.pieces()?;
        Ok(pieces.iter().filter_map(|piece| skin.envelope(piece)["usage"]["cost"].as_f64()).next_back())
    }

    pub(super) fn error_type(&self, skin: Skin) -> anyhow::Result<String> {
        let of = |piece: &Value| -> Option<String> {
            let error = &piece["error"];
            let places =
                [&error["metadata"]["error_type"], &error["error_type"], &skin.envelope(piece)["error_type"]];
            places.into_iter().find_map(Value::as_str).map(str::to_owned)
        };
        self.pieces()?.iter().rev().find_map(of).context("no error of a type")
    }

    /// Why it ended, in the dialect's word.
    pub(super) fn finish(&self, skin: Skin) -> anyhow::Result<String> {
        let of = |piece: &Value| -> Option<String> {
            let word = match skin {
                Skin::Chat => &piece["choices"][0]["finish_reason"],
                Skin::Responses => &skin.envelope(piece)["incomplete_details"]["reason"],
                Skin::Messages if piece["delta"].is_object() => &piece["delta"]["stop_reason"],
                Skin::Messages => &piece["stop_reason"],
            };
            word.as_str().map(str::to_owned)
        };
        self.pieces()?.iter().rev().find_map(of).context("it does not say why it ended")
    }
}

/// Chunks without names, one usage in the last, and the end mark.
fn check_chunks(events: &[Event]) -> anyhow::Result<()> {
    let [chunks @ .., (None, last), (None, done)] = events else { anyhow::bail!("too short") };
    ensure!(done == "[DONE]", "no end mark");
    ensure!(last["choices"] == json!([]) && last["usage"].is_object(), "the last chunk is not the usage");
    ensure!(!chunks.is_empty(), "nothing but usage");
    for (name, chunk) in chunks {
        ensure!(name.is_none() && chunk["object"] == "chat.completion.chunk", "not a chunk: {chunk}");
        ensure!(chunk.get("usage").is_none(), "usage twice: {chunk}");
    }
    let finishes =
        chunks.iter().filter(|(_, chunk)| chunk["choices"][0]["finish_reason"].is_string()).count();
    ensure!(finishes == 1, "{finishes} ends");
    Ok(())
}

/// Numbered events from `response.created` to `response.completed`; items and parts open and close in turn.
fn check_numbered(events: &[Event]) -> anyhow::Result<()> {
    let [events @ .., (None, done)] = events else { anyhow::bail!("too short") };
    ensure!(done == "[DONE]", "no end mark");
    let mut open: Vec<&str> = Vec::new();
    for (number, (name, data)) in events.iter().enumerate() {
        let kind = data["type"].as_str().unwrap_or_default();
        ensure!(name.as_deref() == Some(kind), "the name of {data} is {name:?}");
        ensure!(data["sequence_number"] == json!(number), "not number {number}: {data}");
        match kind {
            "response.output_item.added" | "response.content_part.added" => open.push(kind),
            "response.content_part.done" => {
                ensure!(open.pop() == Some("response.content_part.added"), "no part is open: {data}");
            }
            "response.output_item.done" => {
                ensure!(open.pop() == Some("response.output_item.added"), "no item is open: {data}");
            }
            _ => {}
        }
    }
    ensure!(open.is_empty(), "{open:?} stays open");
    let kinds: Vec<&str> = events.iter().filter_map(|(_, data)| data["type"].as_str()).collect();
    ensure!(kinds.starts_with(&["response.created", "response.in_progress"]), "it begins with {kinds:?}");
    let [earlier @ .., "response.completed"] = &kinds[..] else { anyhow::bail!("it is not completed") };
    ensure!(!earlier.contains(&"response.completed"), "completed twice");
    Ok(())
}

/// A message of numbered blocks, never two open at once, then why it ended with its usage.
fn check_blocks(events: &[Event]) -> anyhow::Result<()> {
    let mut kinds = Vec::new();
    let (mut open, mut blocks) = (None, 0);
    for (name, data) in events {
        let kind = data["type"].as_str().unwrap_or_default();
        ensure!(name.as_deref() == Some(kind), "the name of {data} is {name:?}");
        match kind {
            "content_block_start" => {
                ensure!(open.is_none() && data["index"] == json!(blocks), "opened out of turn: {data}");
                open = Some(data["index"].clone());
                blocks += 1;
            }
            "content_block_delta" => ensure!(open.as_ref() == Some(&data["index"]), "not open: {data}"),
            "content_block_stop" => ensure!(open.take().as_ref() == Some(&data["index"]), "not open: {data}"),
            "ping" => continue,
            _ => {}
        }
        kinds.push(kind);
    }
    let ["message_start", middle @ .., "message_delta", "message_stop"] = &kinds[..] else {
        anyhow::bail!("not a message: {kinds:?}")
    };
    ensure!(open.is_none() && blocks > 0, "{blocks} blocks, {open:?} stays open");
    ensure!(middle.iter().all(|kind| kind.starts_with("content_block_")), "out of place: {middle:?}");
    Ok(())
}
