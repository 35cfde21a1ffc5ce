//! Which preset a request names: as `preset`, or behind its model as `author/model@preset/slug`, where the model
//! may be left out.

use dialect::canonical::Operation;
use dialect::client::{Dialect, Peek};
use dialect::error::BadRequest;

use super::members::Members;

const REFERENCE: &str = "@preset/";

/// The preset that a request names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) slug: String,
    /// Whether the first model refers to it.
    is_in_model: bool,
}

impl Named {
    /// # Errors
    /// [`BadRequest`] when presets are named where there can be none, or two of them.
    pub(super) fn of(dialect: Dialect, peek: &Peek) -> Result<Option<Self>, BadRequest> {
        let mut references =
            peek.models.iter().enumerate().filter_map(|(at, name)| Some((at, name.split_once(REFERENCE)?.1)));
        let (first, preset) = (references.next(), peek.preset.as_deref());
        if first.is_none() && preset.is_none() {
            return Ok(None);
        }
        if dialect.operation() != Operation::Chat {
            return Err(BadRequest::new("presets are for conversations and text completions only"));
        }
        if first.is_some_and(|(at, _)| at > 0) || references.next().is_some() {
            return Err(BadRequest::new("only the first model may refer to a preset"));
        }
        let referred = first.map(|(_, slug)| slug);
        match (referred, preset) {
            (Some(one), Some(other)) if one != other => {
                Err(BadRequest::new("`model` and `preset` name different presets: send one of them"))
            }
            _ => Ok(referred
                .or(preset)
                .map(|slug| Self { slug: slug.to_owned(), is_in_model: referred.is_some() })),
        }
    }

    /// Takes the name out of a body, so that the models that are left are models.
    ///
    /// # Errors
    /// [`BadRequest`] when it stands where there can be none.
    pub(super) fn take_out(&self, members: &mut Members<'_>) -> Result<(), BadRequest> {
        members.remove("preset");
        if !self.is_in_model {
            return Ok(());
        }
        if let Some(model) = members.read::<String>("model") {
            return match own_model(&model) {
                Some(model) => members.put_value("model", &model),
                None => {
                    members.remove("model");
                    Ok(())
                }
            };
        }
        let mut models: Vec<String> = members.read("models").unwrap_or_default();
        if models.is_empty() {
            return Err(BadRequest::new("only `model` and the first of `models` may refer to a preset"));
        }
        // What comes first is `model` by another name, and goes before the preset's.
        if let Some(model) = own_model(&models.remove(0)) {
            members.put_value("model", &model)?;
        }
        if models.is_empty() {
            members.remove("models");
            return Ok(());
        }
        members.put_value("models", &models)
    }
}

/// Whether a model's name refers to a preset.
pub(super) fn refers(model: &str) -> bool {
    model.contains(REFERENCE)
}

/// The model before the reference, where there is one.
fn own_model(name: &str) -> Option<String> {
    let model = name.split_once(REFERENCE).map_or(name, |(model, _)| model);
    (!model.is_empty()).then(|| model.to_owned())
}
