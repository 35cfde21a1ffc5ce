//! Tools and options, read for their shape.

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::value::RawValue;

use crate::client::skim::{Object, Skim};
use crate::client::strict::Strict;

/// A tool that is sound. Of those that are no functions nothing is known but their type.
pub(super) struct ToolHead;

#[derive(Deserialize)]
struct KindHead {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct FunctionHead {
    name: Skim,
    #[serde(rename = "description")]
    _description: Option<Skim>,
    #[serde(rename = "parameters")]
    _parameters: Option<Object>,
    #[serde(rename = "strict")]
    _strict: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Choice {
    Word(String),
    Object(Strict<ChoiceHead>),
}

#[derive(Deserialize)]
pub(super) struct ChoiceHead {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
    mode: Option<String>,
    tools: Option<Vec<Object>>,
}

#[derive(Deserialize)]
pub(super) struct TextHead {
    format: Option<Strict<FormatHead>>,
    verbosity: Option<Skim>,
}

#[derive(Deserialize)]
struct FormatHead {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
    #[serde(rename = "schema")]
    _schema: Option<Object>,
    #[serde(rename = "strict")]
    _strict: Option<bool>,
    #[serde(rename = "description")]
    _description: Option<Skim>,
}

impl<'de> Deserialize<'de> for ToolHead {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tool = <&RawValue>::deserialize(deserializer)?.get();
        let head: Strict<KindHead> = serde_json::from_str(tool).map_err(D::Error::custom)?;
        let is_sound = match head.kind.as_str() {
            "function" => {
                let function: Strict<FunctionHead> = serde_json::from_str(tool).map_err(D::Error::custom)?;
                !function.name.is_empty
            }
            kind => !kind.is_empty(),
        };
        if is_sound { Ok(Self) } else { Err(D::Error::custom("a tool lacks what its type needs")) }
    }
}

impl Choice {
    pub(super) fn is_sound(&self) -> bool {
        match self {
            Self::Word(word) => ["none", "auto", "required"].contains(&word.as_str()),
            Self::Object(choice) => match choice.kind.as_str() {
                "function" => choice.name.as_ref().is_some_and(|name| !name.is_empty()),
                "allowed_tools" => {
                    choice.tools.is_some()
                        && matches!(choice.mode.as_deref(), None | Some("auto" | "required"))
                }
                kind => !kind.is_empty(),
            },
        }
    }
}

impl TextHead {
    pub(super) fn is_sound(&self) -> bool {
        self.format.as_ref().is_none_or(|format| match format.kind.as_str() {
            "json_schema" => format.name.as_ref().is_some_and(|name| !name.is_empty()),
            kind => !kind.is_empty(),
        })
    }

    pub(super) fn format(&self) -> &str {
        self.format.as_ref().map_or("text", |format| &format.kind)
    }

    pub(super) fn has_verbosity(&self) -> bool {
        self.verbosity.is_some()
    }
}
