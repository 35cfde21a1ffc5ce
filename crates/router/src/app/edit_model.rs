//! Adding and changing models.

use super::change::{Applied, written};
use super::edit_provider::refused;
use crate::Error;
use crate::store::{Writes, rows};

/// A model as an operator wants it; absent or empty = unchanged.
#[derive(Debug)]
pub(crate) struct ModelEdit {
    pub(crate) slug: String,
    pub(crate) name: Option<String>,
    pub(crate) context_length: Option<u64>,
    pub(crate) max_output: Option<u64>,
    pub(crate) input_modalities: Vec<String>,
    pub(crate) output_modalities: Vec<String>,
    pub(crate) supported_parameters: Vec<String>,
    /// Added to those it has.
    pub(crate) aliases: Vec<String>,
}

impl ModelEdit {
    pub(super) fn apply(self, tables: &rows::Tables) -> Result<Applied, Error> {
        check_name(&self.slug)?;
        let current = tables.models.iter().find(|row| row.slug == self.slug);
        let row = self.row(current)?;
        let aliases = self.new_aliases(tables)?;
        let before = current.map(written).transpose()?;
        let mut after = written(&row)?;
        if !aliases.is_empty() {
            after["aliases"] = serde_json::json!(self.aliases);
        }
        let id = row.slug.clone();
        let writes = Writes { models: vec![row], aliases, ..Writes::default() };
        Ok(Applied { id, action: "put_model", before, after: Some(after), writes })
    }

    fn row(&self, current: Option<&rows::Model>) -> Result<rows::Model, Error> {
        let mut row = match current {
            Some(current) => current.clone(),
            None => self.new_row()?,
        };
        if let Some(name) = &self.name {
            row.name.clone_from(name);
        }
        row.context_length = self.context_length.unwrap_or(row.context_length);
        row.max_output = self.max_output.or(row.max_output);
        let replace = |list: &mut Vec<String>, new: &[String]| {
            if !new.is_empty() {
                *list = new.to_vec();
            }
        };
        replace(&mut row.input_modalities, &self.input_modalities);
        replace(&mut row.output_modalities, &self.output_modalities);
        replace(&mut row.supported_parameters, &self.supported_parameters);
        Ok(row)
    }

    fn new_row(&self) -> Result<rows::Model, Error> {
        let text = || vec!["text".to_owned()];
        let created = u64::try_from(chrono::Utc::now().timestamp()).unwrap_or(0);
        Ok(rows::Model {
            slug: self.slug.clone(),
            canonical_slug: self.slug.clone(),
            name: self.slug.clone(),
            created,
            context_length: self
                .context_length
                .ok_or_else(|| refused("a new model needs `context_length`"))?,
            input_modalities: text(),
            output_modalities: text(),
            tokenizer: "Other".to_owned(),
            ..rows::Model::default()
        })
    }

    /// The aliases that the model does not have yet.
    fn new_aliases(&self, tables: &rows::Tables) -> Result<Vec<rows::Alias>, Error> {
        let mut new = Vec::new();
        for alias in &self.aliases {
            check_name(alias)?;
            match tables.aliases.iter().find(|row| row.alias == *alias) {
                Some(row) if row.model != self.slug => {
                    return Err(refused(&format!("`{alias}` is an alias of `{}` already", row.model)));
                }
                Some(_) => {}
                None => new.push(rows::Alias { alias: alias.clone(), model: self.slug.clone() }),
            }
        }
        Ok(new)
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let parts = name.split_once('/');
    let sound = |part: &str| !part.is_empty() && !part.contains(|c: char| c == '/' || c.is_whitespace());
    if parts.is_some_and(|(author, slug)| sound(author) && sound(slug)) {
        Ok(())
    } else {
        Err(refused(&format!("`{name}` is no model name: use author/name")))
    }
}
