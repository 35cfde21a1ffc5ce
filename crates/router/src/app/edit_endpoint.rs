//! Adding and changing endpoints.

use identity::{EndpointId, PriceVersionId};
use pricing::PriceBook;

use super::change::{Applied, written};
use super::edit_price::check_jump;
use super::edit_provider::{TimeoutsEdit, refused};
use crate::Error;
use crate::catalogue::{book_in, book_out};
use crate::store::{Writes, rows};

/// An endpoint as an operator wants it, known by model and tag; absent = unchanged.
#[derive(Debug)]
pub(crate) struct EndpointEdit {
    pub(crate) model: String,
    pub(crate) provider: String,
    pub(crate) provider_model: Option<String>,
    /// Absent = the provider's slug.
    pub(crate) tag: Option<String>,
    pub(crate) context_length: Option<u64>,
    pub(crate) max_output: Option<u64>,
    pub(crate) disabled: Option<bool>,
    pub(crate) price: Option<PriceBook>,
    pub(crate) timeouts: TimeoutsEdit,
}

impl EndpointEdit {
    pub(super) fn apply(self, tables: &rows::Tables, actor: &str) -> Result<Applied, Error> {
        let model = find(&tables.models, |row| row.slug == self.model, "model", &self.model)?;
        find(&tables.providers, |row| row.slug == self.provider, "provider", &self.provider)?;
        let tag = self.tag();
        let current = tables.endpoints.iter().find(|row| row.model == self.model && row.tag == tag);
        let row = self.row(current, model, tag)?;
        let before = current.map(|row| with_price(row, tables, None)).transpose()?;
        let price = self.new_price(current, tables, actor, row.id)?;
        let after = with_price(&row, tables, price.as_ref())?;
        let id = row.id.to_string();
        let writes =
            Writes { endpoints: vec![row], prices: price.into_iter().collect(), ..Writes::default() };
        Ok(Applied { id, action: "put_endpoint", before, after: Some(after), writes })
    }

    /// A variant that was given without its provider gets it in front.
    fn tag(&self) -> String {
        match self.tag.as_deref() {
            None => self.provider.clone(),
            Some(tag) if tag == self.provider || tag.contains('/') => tag.to_owned(),
            Some(variant) => format!("{}/{variant}", self.provider),
        }
    }

    fn row(
        &self,
        current: Option<&rows::Endpoint>,
        model: &rows::Model,
        tag: String,
    ) -> Result<rows::Endpoint, Error> {
        let mut row = match current {
            Some(current) => current.clone(),
            None => rows::Endpoint {
                id: EndpointId::generate(),
                model: model.slug.clone(),
                provider: self.provider.clone(),
                provider_model: self
                    .provider_model
                    .clone()
                    .ok_or_else(|| refused("a new endpoint needs `provider_model`"))?,
                tag,
                dialect: None,
                context_length: model.context_length,
                max_output: model.max_output,
                quantization: None,
                service_tier: None,
                region: None,
                collects_data: None,
                zero_data_retention: None,
                supported_parameters: None,
                implicit_caching: false,
                quirks: serde_json::Map::new(),
                deprecation_date: None,
                disabled: false,
                timeouts: rows::Timeouts::default(),
                seeded: None,
            },
        };
        row.provider.clone_from(&self.provider);
        if let Some(provider_model) = &self.provider_model {
            row.provider_model.clone_from(provider_model);
        }
        row.context_length = self.context_length.unwrap_or(row.context_length);
        row.max_output = self.max_output.or(row.max_output);
        row.disabled = self.disabled.unwrap_or(row.disabled);
        self.timeouts.apply(&mut row.timeouts);
        Ok(row)
    }

    /// The price version to add, if the price is new or different.
    fn new_price(
        &self,
        current: Option<&rows::Endpoint>,
        tables: &rows::Tables,
        actor: &str,
        endpoint_id: EndpointId,
    ) -> Result<Option<rows::Price>, Error> {
        let held =
            current.and_then(|current| tables.prices.iter().find(|price| price.endpoint_id == current.id));
        match (&self.price, held) {
            (None, None) => Err(refused("an endpoint needs a price before it can be used")),
            (None, Some(_)) => Ok(None),
            (Some(book), held) => {
                if let Some(old) = held.and_then(|held| book_in(&held.book)) {
                    if old == *book {
                        return Ok(None);
                    }
                    check_jump(&old, book)?;
                }
                let id = PriceVersionId::generate();
                Ok(Some(rows::Price { id, endpoint_id, book: book_out(book), source: actor.to_owned() }))
            }
        }
    }
}

/// An endpoint with its price, for the record of changes.
fn with_price(
    row: &rows::Endpoint,
    tables: &rows::Tables,
    price: Option<&rows::Price>,
) -> Result<serde_json::Value, Error> {
    let mut value = written(row)?;
    let held = price.or_else(|| tables.prices.iter().find(|price| price.endpoint_id == row.id));
    value["price"] = held.map(written).transpose()?.unwrap_or_default();
    Ok(value)
}

fn find<'a, T>(
    rows: &'a [T],
    is_it: impl Fn(&&T) -> bool,
    kind: &'static str,
    name: &str,
) -> Result<&'a T, Error> {
    rows.iter().find(|row| is_it(row)).ok_or_else(|| Error::NotFound { kind, name: name.to_owned() })
}
