//! Adding and changing models.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::change::{Applied, Context, written};
use super::edit_row::{Empty, Shape, lay_over, refused};
use super::edit_rules::{check_model, check_name};
use crate::Error;
use crate::store::{Writes, rows};

const SHAPE: Shape = Shape {
    kind: "a model",
    members: &[
        "name",
        "created",
        "context_length",
        "max_output",
        "input_modalities",
        "output_modalities",
        "supported_parameters",
        "tokenizer",
        "hugging_face_id",
        "family",
        "distillable",
        "knowledge_cutoff",
        "default_parameters",
        "scores",
        "scores_source",
        "quirks",
        "first_token_ms",
        "disabled",
        "aliases",
        "remove_aliases",
    ],
    fixed: &["canonical_slug"],
    emptied: &[
        ("quirks", Empty::Object),
        ("input_modalities", Empty::List),
        ("output_modalities", Empty::List),
        ("supported_parameters", Empty::List),
    ],
};

/// A model as an operator wants it.
#[derive(Debug)]
pub(crate) struct ModelEdit {
    pub(crate) slug: String,
    /// By column; left out = unchanged, `null` = cleared.
    pub(crate) changes: Map<String, Value>,
    /// Added to those it has.
    pub(crate) aliases: Vec<String>,
    pub(crate) remove_aliases: Vec<String>,
    pub(crate) must_exist: bool,
}

impl ModelEdit {
    pub(super) fn apply(self, context: &Context<'_>) -> Result<Applied, Error> {
        let tables = context.tables;
        let current = tables.models.iter().find(|row| row.slug == self.slug);
        if self.must_exist && current.is_none() {
            return Err(Error::NotFound { kind: "model", name: self.slug });
        }
        let row = self.row(current)?;
        let aliases = self.new_aliases(tables)?;
        let before = current.map(written).transpose()?;
        let mut after = written(&row)?;
        // What is added and taken away alone: all of them in each of many changes would be more than anybody can read.
        let added: Vec<&str> = aliases.iter().map(|row| row.alias.as_str()).collect();
        let removed = self.removed_aliases(tables)?;
        if !added.is_empty() {
            after["aliases"] = json!(added);
        }
        if !removed.is_empty() {
            after["remove_aliases"] = json!(removed);
        }
        let id = row.slug.clone();
        let writes = Writes { models: vec![row], aliases, removed_aliases: removed, ..Writes::default() };
        Ok(Applied { before, after: Some(after), writes, ..Applied::of("put_model", id) })
    }

    fn row(&self, current: Option<&rows::Model>) -> Result<rows::Model, Error> {
        let start = current.cloned().unwrap_or_else(|| self.blank());
        let row = lay_over(&start, current.is_none(), self.changes.clone(), &SHAPE)?;
        if current.is_none() && row.context_length == 0 {
            return Err(refused("a new model needs `context_length`"));
        }
        check_model(&row, current)?;
        Ok(row)
    }

    fn blank(&self) -> rows::Model {
        let text = || vec!["text".to_owned()];
        rows::Model {
            slug: self.slug.clone(),
            canonical_slug: self.slug.clone(),
            name: self.slug.clone(),
            created: u64::try_from(chrono::Utc::now().timestamp()).unwrap_or(0),
            input_modalities: text(),
            output_modalities: text(),
            tokenizer: "Other".to_owned(),
            ..rows::Model::default()
        }
    }

    fn removed_aliases(&self, tables: &rows::Tables) -> Result<Vec<String>, Error> {
        let wanted: HashSet<&str> = self.remove_aliases.iter().map(String::as_str).collect();
        let held = models_of(tables, &wanted);
        match self.remove_aliases.iter().find(|alias| held.get(alias.as_str()) != Some(&self.slug.as_str())) {
            Some(stray) => Err(refused(format!("`{stray}` is no alias of `{}`", self.slug))),
            None => Ok(self.remove_aliases.clone()),
        }
    }

    /// The aliases that the model does not have yet.
    fn new_aliases(&self, tables: &rows::Tables) -> Result<Vec<rows::Alias>, Error> {
        let removed: HashSet<&str> = self.remove_aliases.iter().map(String::as_str).collect();
        let held = models_of(tables, &self.aliases.iter().map(String::as_str).collect());
        let mut seen = HashSet::new();
        let mut new = Vec::new();
        for alias in &self.aliases {
            check_name(alias)?;
            if removed.contains(alias.as_str()) {
                return Err(refused(format!("`{alias}` cannot be added and removed at once")));
            }
            match held.get(alias.as_str()) {
                Some(model) if *model != self.slug => {
                    return Err(refused(format!("`{alias}` is an alias of `{model}` already")));
                }
                None if seen.insert(alias) => {
                    new.push(rows::Alias { alias: alias.clone(), model: self.slug.clone() });
                }
                _ => {}
            }
        }
        Ok(new)
    }
}

/// The models of those of the wanted aliases that there are, by alias: one look at the table, however many are wanted.
fn models_of<'a>(tables: &'a rows::Tables, wanted: &HashSet<&str>) -> HashMap<&'a str, &'a str> {
    if wanted.is_empty() {
        return HashMap::new();
    }
    let rows = tables.aliases.iter().filter(|row| wanted.contains(row.alias.as_str()));
    rows.map(|row| (row.alias.as_str(), row.model.as_str())).collect()
}
