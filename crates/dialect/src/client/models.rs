//! The models that a request names.

use serde_json::Value;

use super::limits::MODELS;
use super::path::{Members, Path};
use crate::error::BadRequest;

/// `model` and `models`, none of them empty.
pub(super) struct Models {
    first: Option<String>,
    pub(super) others: Vec<String>,
    /// Whether a preset is named, which may name one.
    has_preset: bool,
}

impl Models {
    /// # Errors
    /// [`BadRequest`] naming the entry that is wrong.
    pub(super) fn read(members: &mut Members<'_>) -> Result<Self, BadRequest> {
        let first = match members.value("model") {
            Some(model) => Some(not_empty(model, &members.path.member("model"))?),
            None => None,
        };
        let path = members.path.member("models");
        let list = members.list("models")?.unwrap_or_default();
        if list.len() > MODELS {
            return Err(path.must(&format!("have at most {MODELS} entries")));
        }
        let others = list.into_iter().enumerate().map(|(index, name)| not_empty(name, &path.item(index)));
        let others = others.collect::<Result<_, _>>()?;
        Ok(Self { first, others, has_preset: members.look_at("preset").is_some() })
    }

    /// The first model wanted: `model`, else the first of `models`; empty when that is for a preset to say.
    ///
    /// # Errors
    /// [`BadRequest`] when there is none of them.
    pub(super) fn wanted(self) -> Result<String, BadRequest> {
        self.first
            .or_else(|| self.others.into_iter().next())
            .or_else(|| self.has_preset.then(String::new))
            .ok_or_else(|| BadRequest::new("`model` is required: send `model` or a list of `models`"))
    }
}

/// Whether a body names a model, or a preset in its place, and none by nothing.
pub(super) fn are_sound(model: Option<&String>, models: Option<&[String]>, has_preset: bool) -> bool {
    let models = models.unwrap_or_default();
    (model.is_some() || !models.is_empty() || has_preset)
        && models.len() <= MODELS
        && model.into_iter().chain(models).all(|name| !name.is_empty())
}

/// The names in their order, each once.
pub(super) fn each_once(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for name in names {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    once
}

fn not_empty(value: Value, path: &Path<'_>) -> Result<String, BadRequest> {
    match path.string(value)? {
        name if name.is_empty() => Err(path.must("not be empty")),
        name => Ok(name),
    }
}
