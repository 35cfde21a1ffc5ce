//! Adding and changing endpoints.

use identity::{EndpointId, PriceVersionId};
use serde_json::{Map, Value};

use super::change::{Applied, Context, written};
use super::edit_price::{PriceList, check_jump};
use super::edit_row::{Empty, Shape, find, lay_over, refused};
use super::edit_rules::check_endpoint;
use crate::Error;
use crate::store::{Writes, rows};

const SHAPE: Shape = Shape {
    kind: "an endpoint",
    members: &[
        "provider_model",
        "dialect",
        "context_length",
        "max_output",
        "quantization",
        "service_tier",
        "region",
        "collects_data",
        "zero_data_retention",
        "supported_parameters",
        "implicit_caching",
        "quirks",
        "deprecation_date",
        "timeouts",
        "disabled",
    ],
    fixed: &["model", "provider", "tag"],
    emptied: &[("quirks", Empty::Object)],
};

/// Which endpoint is meant.
#[derive(Debug)]
pub(crate) enum Which {
    Id(EndpointId),
    /// By what never changes of it; the tag absent = the provider's slug.
    Tag {
        model: String,
        provider: String,
        tag: Option<String>,
    },
}

/// An endpoint as an operator wants it.
#[derive(Debug)]
pub(crate) struct EndpointEdit {
    pub(crate) which: Which,
    /// By column; left out = unchanged, `null` = cleared.
    pub(crate) changes: Map<String, Value>,
    pub(crate) price: Option<PriceList>,
}

impl EndpointEdit {
    pub(super) fn apply(self, context: &Context<'_>) -> Result<Applied, Error> {
        let tables = context.tables;
        let (current, start) = match &self.which {
            Which::Id(id) => {
                let row = find(&tables.endpoints, |row| row.id == *id, "endpoint", &id.to_string())?;
                (Some(row), row.clone())
            }
            Which::Tag { model, provider, tag } => {
                let model = find(&tables.models, |row| row.slug == *model, "model", model)?;
                find(&tables.providers, |row| row.slug == *provider, "provider", provider)?;
                let tag = full_tag(provider, tag.as_deref());
                let held = tables.endpoints.iter().find(|row| row.model == model.slug && row.tag == tag);
                let start = held.cloned().unwrap_or_else(|| blank(model, provider, tag));
                (held, rows::Endpoint { provider: provider.clone(), ..start })
            }
        };
        let row = lay_over(&start, current.is_none(), self.changes.clone(), &SHAPE)?;
        if row.provider_model.is_empty() && current.is_none() {
            return Err(refused("a new endpoint needs `provider_model`"));
        }
        check_endpoint(&row, current)?;
        let before = current.map(|row| with_price(row, tables, None)).transpose()?;
        let price = self.new_price(current, context, row.id)?;
        let after = Some(with_price(&row, tables, price.as_ref())?);
        let endpoint = row.id;
        let prices = price.into_iter().map(Into::into).collect();
        let writes = Writes { endpoints: vec![row], prices, ..Writes::default() };
        let applied = Applied::of("put_endpoint", endpoint.to_string());
        let sets_price = self.price.is_some();
        Ok(Applied { before, after, writes, endpoint: Some(endpoint), sets_price, ..applied })
    }

    /// The price version to add, if the price is new or different.
    fn new_price(
        &self,
        current: Option<&rows::Endpoint>,
        context: &Context<'_>,
        endpoint_id: EndpointId,
    ) -> Result<Option<rows::Price>, Error> {
        let held = current.and_then(|current| context.price_of(current.id));
        let Some(list) = &self.price else {
            // One that is set for later is a price too, and one without any is not chosen.
            return match current {
                None => Err(refused("an endpoint needs a price before it can be used")),
                Some(_) => Ok(None),
            };
        };
        let book = list.written()?;
        if let Some(held) = held {
            if held.book == book {
                return Ok(None);
            }
            check_jump(&held.book, &book)?;
        }
        let (id, source) = (PriceVersionId::generate(), context.actor.to_owned());
        Ok(Some(rows::Price { id, endpoint_id, book, source }))
    }
}

/// A variant that was given without its provider gets it in front.
fn full_tag(provider: &str, tag: Option<&str>) -> String {
    match tag {
        None => provider.to_owned(),
        Some(tag) if tag == provider || tag.contains('/') => tag.to_owned(),
        Some(variant) => format!("{provider}/{variant}"),
    }
}

fn blank(model: &rows::Model, provider: &str, tag: String) -> rows::Endpoint {
    rows::Endpoint {
        provider_model: String::new(),
        tag,
        max_output: model.max_output,
        ..rows::Endpoint::plain(EndpointId::generate(), &model.slug, provider, model.context_length)
    }
}

/// An endpoint with its price, for the record of changes.
fn with_price(
    row: &rows::Endpoint,
    tables: &rows::Tables,
    price: Option<&rows::Price>,
) -> Result<Value, Error> {
    let mut value = written(row)?;
    let held = price.or_else(|| tables.prices.iter().find(|price| price.endpoint_id == row.id));
    value["price"] = held.map(written).transpose()?.unwrap_or_default();
    Ok(value)
}
