//! Pieces of reasoning as `reasoning_details` carries them.

use serde::Serialize;
use serde_json::Value;

use crate::canonical::{ReasoningDetail, ReasoningKind};

/// `None` for a kind that is not ours to send back.
pub(crate) fn detail(value: &Value, position: usize) -> Option<ReasoningDetail> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let (kind, member) = match value.get("type")?.as_str()? {
        "reasoning.text" => (ReasoningKind::Text, "text"),
        "reasoning.summary" => (ReasoningKind::Summary, "summary"),
        "reasoning.encrypted" => (ReasoningKind::Encrypted, "data"),
        _ => return None,
    };
    let index = value.get("index").and_then(Value::as_u64).unwrap_or(position as u64);
    Some(ReasoningDetail {
        kind,
        index: u32::try_from(index).unwrap_or(u32::MAX),
        id: text("id"),
        format: text("format").filter(|format| format != "unknown"),
        content: text(member),
        signature: text("signature"),
    })
}

/// A piece of reasoning as `reasoning_details` carries it.
#[derive(Serialize)]
pub(crate) struct DetailBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    format: &'a str,
    index: u32,
}

impl<'a> DetailBody<'a> {
    pub(crate) fn of(detail: &'a ReasoningDetail) -> Self {
        let content = detail.content.as_deref();
        let (kind, [text, summary, data]) = match detail.kind {
            ReasoningKind::Text => ("reasoning.text", [content, None, None]),
            ReasoningKind::Summary => ("reasoning.summary", [None, content.or(Some("")), None]),
            ReasoningKind::Encrypted => ("reasoning.encrypted", [None, None, content.or(Some(""))]),
        };
        Self {
            kind,
            text,
            summary,
            data,
            signature: detail.signature.as_deref(),
            id: detail.id.as_deref(),
            format: detail.format.as_deref().unwrap_or("unknown"),
            index: detail.index,
        }
    }
}
