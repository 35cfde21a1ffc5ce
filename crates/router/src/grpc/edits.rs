//! Operators' changes as they come over the wire. Empty text and zero mean unchanged.

use rpc::Fault;
use rpc::convert::{Malformed, book_in, id};
use rpc::router::{PutEndpointRequest, PutModelRequest, PutPriceRequest, PutProviderRequest, Timeouts};

use crate::app::{Edit, EndpointEdit, ModelEdit, PriceEdit, ProviderEdit, TimeoutsEdit};

pub(super) fn provider(request: PutProviderRequest) -> Result<Edit, Fault> {
    if request.slug.is_empty() {
        return Err(malformed(&Malformed("slug")));
    }
    Ok(Edit::Provider(ProviderEdit {
        slug: request.slug,
        name: text(request.name),
        base_url: text(request.base_url),
        dialect: text(request.dialect),
        quirks_json: text(request.quirks_json),
        credential: request.credential.map(Into::into),
        timeouts: timeouts(request.timeouts),
        cancel_stops_billing: request.cancel_stops_billing,
    }))
}

pub(super) fn model(request: PutModelRequest) -> Edit {
    Edit::Model(ModelEdit {
        slug: request.slug,
        name: text(request.name),
        context_length: number(request.context_length),
        max_output: request.max_output.and_then(number),
        input_modalities: request.input_modalities,
        output_modalities: request.output_modalities,
        supported_parameters: request.supported_parameters,
        aliases: request.aliases,
    })
}

pub(super) fn endpoint(request: PutEndpointRequest) -> Result<Edit, Fault> {
    let price = request.price.as_ref().map(book_in).transpose().map_err(|bad| malformed(&bad))?;
    Ok(Edit::Endpoint(EndpointEdit {
        model: request.model,
        provider: request.provider,
        provider_model: text(request.provider_model),
        tag: text(request.tag),
        context_length: number(request.context_length),
        max_output: request.max_output.and_then(number),
        disabled: request.disabled,
        price,
        timeouts: timeouts(request.timeouts),
    }))
}

pub(super) fn price(request: &PutPriceRequest) -> Result<Edit, Fault> {
    let endpoint_id = id(&request.endpoint_id, "endpoint_id").map_err(|bad| malformed(&bad))?;
    let book = match &request.price {
        Some(price) => book_in(price).map_err(|bad| malformed(&bad))?,
        None => return Err(malformed(&Malformed("price"))),
    };
    Ok(Edit::Price(PriceEdit { endpoint_id, book, force: request.force }))
}

fn malformed(malformed: &Malformed) -> Fault {
    Fault::invalid(malformed.to_string())
}

fn text(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn number(number: u64) -> Option<u64> {
    (number > 0).then_some(number)
}

fn timeouts(timeouts: Option<Timeouts>) -> TimeoutsEdit {
    let span = |ms: u32| (ms > 0).then_some(ms);
    timeouts.map_or_else(TimeoutsEdit::default, |timeouts| TimeoutsEdit {
        connect_ms: span(timeouts.connect_ms),
        first_token_ms: span(timeouts.first_token_ms),
        stall_ms: span(timeouts.stall_ms),
        total_ms: span(timeouts.total_ms),
    })
}
