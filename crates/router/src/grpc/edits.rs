//! Operators' changes as they come over the wire. In the fields empty text and zero mean unchanged; in
//! `changes_json`, which wins, absence does, and `null` clears.

use chrono::{DateTime, Utc};
use rpc::Fault;
use rpc::convert::{Malformed, book_in, id};
use rpc::pricing::PriceVersion;
use rpc::router::catalogue_change::Change;
use rpc::router::{
    CatalogueChange, PriceWindow, PutEndpointRequest, PutModelRequest, PutPriceRequest, PutProviderRequest,
    Timeouts, WithdrawPriceRequest,
};
use serde_json::{Map, Value, json};

use crate::app::{Edit, EndpointEdit, ModelEdit, PriceEdit, PriceList, ProviderEdit, Which, WithdrawEdit};
use crate::catalogue::Window;
use crate::error::of_change;

/// Changes that one transaction takes.
const MOST: usize = 1_000;

/// Several changes; a refusal says which of them it is about.
pub(super) fn all(changes: Vec<CatalogueChange>) -> Result<Vec<Edit>, Fault> {
    if changes.is_empty() || changes.len() > MOST {
        return Err(Fault::invalid(format!(
            "`changes` takes 1 to {MOST} changes, and not {}",
            changes.len()
        )));
    }
    let read = |(at, sent): (usize, CatalogueChange)| {
        let edit = match sent.change {
            Some(Change::Provider(request)) => provider(request),
            Some(Change::Model(request)) => model(request),
            Some(Change::Endpoint(request)) => endpoint(request),
            Some(Change::Price(request)) => price(&request),
            None => Err(malformed(&Malformed("change"))),
        };
        edit.map_err(|fault| of_change(at, fault))
    };
    changes.into_iter().enumerate().map(read).collect()
}

pub(super) fn provider(request: PutProviderRequest) -> Result<Edit, Fault> {
    if request.slug.is_empty() {
        return Err(malformed(&Malformed("slug")));
    }
    let mut changes = Changes::default();
    changes.text("name", request.name).text("base_url", request.base_url).text("dialect", request.dialect);
    if !request.quirks_json.is_empty() {
        changes.set("quirks", Value::Object(object(&request.quirks_json, "quirks_json")?));
    }
    changes.timeouts(request.timeouts).optional("cancel_stops_billing", request.cancel_stops_billing);
    Ok(Edit::Provider(ProviderEdit {
        slug: request.slug,
        changes: changes.over_with(&request.changes_json)?,
        credential: request.credential.map(Into::into),
        must_exist: request.must_exist,
    }))
}

pub(super) fn model(request: PutModelRequest) -> Result<Edit, Fault> {
    let mut changes = Changes::default();
    changes
        .text("name", request.name)
        .number("context_length", request.context_length)
        .number("max_output", request.max_output.unwrap_or_default())
        .list("input_modalities", request.input_modalities)
        .list("output_modalities", request.output_modalities)
        .list("supported_parameters", request.supported_parameters)
        .list("aliases", request.aliases);
    let mut changes = changes.over_with(&request.changes_json)?;
    Ok(Edit::Model(ModelEdit {
        slug: request.slug,
        aliases: names(&mut changes, "aliases")?,
        remove_aliases: names(&mut changes, "remove_aliases")?,
        changes,
        must_exist: request.must_exist,
    }))
}

pub(super) fn endpoint(request: PutEndpointRequest) -> Result<Edit, Fault> {
    let which = if request.endpoint_id.is_empty() {
        let tag = (!request.tag.is_empty()).then_some(request.tag);
        Which::Tag { model: request.model, provider: request.provider, tag }
    } else {
        Which::Id(id(&request.endpoint_id, "endpoint_id").map_err(|bad| malformed(&bad))?)
    };
    let mut changes = Changes::default();
    changes
        .text("provider_model", request.provider_model)
        .number("context_length", request.context_length)
        .number("max_output", request.max_output.unwrap_or_default())
        .optional("disabled", request.disabled)
        .timeouts(request.timeouts);
    let changes = changes.over_with(&request.changes_json)?;
    let price = request.price.map(|price| list(&price, &request.windows)).transpose()?;
    Ok(Edit::Endpoint(EndpointEdit { which, changes, price }))
}

pub(super) fn price(request: &PutPriceRequest) -> Result<Edit, Fault> {
    let endpoint_id = id(&request.endpoint_id, "endpoint_id").map_err(|bad| malformed(&bad))?;
    let Some(price) = &request.price else { return Err(malformed(&Malformed("price"))) };
    let source = request.source.trim();
    Ok(Edit::Price(PriceEdit {
        endpoint_id,
        list: list(price, &request.windows)?,
        force: request.force,
        effective_at: moment(&request.effective_at)?,
        source: (!source.is_empty()).then(|| source.to_owned()),
    }))
}

pub(super) fn withdrawal(request: &WithdrawPriceRequest) -> Result<Edit, Fault> {
    let price_id = id(&request.price_id, "price_id").map_err(|bad| malformed(&bad))?;
    Ok(Edit::Withdraw(WithdrawEdit { price_id }))
}

fn list(price: &PriceVersion, windows: &[PriceWindow]) -> Result<PriceList, Fault> {
    let usual = book_in(price).map_err(|bad| malformed(&bad))?;
    let read = |sent: &PriceWindow| {
        let days: Vec<u8> = sent.weekdays.iter().map(|day| u8::try_from(*day).unwrap_or(u8::MAX)).collect();
        let window = Window::read(&sent.utc_start, &sent.utc_end, &days).ok_or_else(|| {
            Fault::invalid(format!(
                "`windows` takes two times of day in UTC as HHMM and weekdays from 1 to 7, and not `{}` to `{}` \
                 on {:?}",
                sent.utc_start, sent.utc_end, sent.weekdays
            ))
        })?;
        let price = sent.price.as_ref().ok_or_else(|| malformed(&Malformed("windows.price")))?;
        Ok((window, book_in(price).map_err(|bad| malformed(&bad))?))
    };
    Ok(PriceList { usual, windows: windows.iter().map(read).collect::<Result<_, Fault>>()? })
}

fn moment(text: &str) -> Result<Option<DateTime<Utc>>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = DateTime::parse_from_rfc3339(text).map_err(|_| {
        Fault::invalid(format!("`effective_at` is a moment such as 2027-01-31T00:00:00Z, and not `{text}`"))
    })?;
    Ok(Some(read.to_utc()))
}

/// Changes by the names that members have outside.
#[derive(Default)]
struct Changes(Map<String, Value>);

impl Changes {
    fn set(&mut self, name: &str, value: Value) -> &mut Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    fn text(&mut self, name: &str, text: String) -> &mut Self {
        if text.is_empty() { self } else { self.set(name, text.into()) }
    }

    fn number(&mut self, name: &str, number: u64) -> &mut Self {
        if number == 0 { self } else { self.set(name, number.into()) }
    }

    fn list(&mut self, name: &str, list: Vec<String>) -> &mut Self {
        if list.is_empty() { self } else { self.set(name, list.into()) }
    }

    fn optional(&mut self, name: &str, value: Option<bool>) -> &mut Self {
        match value {
            Some(value) => self.set(name, value.into()),
            None => self,
        }
    }

    fn timeouts(&mut self, timeouts: Option<Timeouts>) -> &mut Self {
        let Some(Timeouts { connect_ms, first_token_ms, stall_ms, total_ms }) = timeouts else { return self };
        let spans = json!({ "connect_ms": connect_ms, "first_token_ms": first_token_ms,
                            "stall_ms": stall_ms, "total_ms": total_ms });
        let given = spans.as_object().into_iter().flatten().filter(|(_, span)| span.as_u64() != Some(0));
        let given: Map<String, Value> = given.map(|(name, span)| (name.clone(), span.clone())).collect();
        if given.is_empty() { self } else { self.set("timeouts", Value::Object(given)) }
    }

    /// These with those of `changes_json` over them.
    fn over_with(mut self, changes_json: &str) -> Result<Map<String, Value>, Fault> {
        if !changes_json.is_empty() {
            self.0.extend(object(changes_json, "changes_json")?);
        }
        Ok(self.0)
    }
}

fn object(json: &str, field: &str) -> Result<Map<String, Value>, Fault> {
    serde_json::from_str(json).map_err(|_| Fault::invalid(format!("`{field}` must be a JSON object")))
}

/// A list of names taken out of the changes.
fn names(changes: &mut Map<String, Value>, member: &str) -> Result<Vec<String>, Fault> {
    match changes.remove(member) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(list) => serde_json::from_value(list)
            .map_err(|_| Fault::invalid(format!("`{member}` must be a list of model names"))),
    }
}

fn malformed(malformed: &Malformed) -> Fault {
    Fault::invalid(malformed.to_string())
}
