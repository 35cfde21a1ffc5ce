//! Prices as operators write them, strings of USD per unit, and when they apply.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use pricing::{Class, PriceBook, Rate};
use rpc::convert::price_out;
use rpc::pricing::PriceVersion;
use rpc::router::{
    DescribeCatalogueRequest, ListPricesRequest, PriceWindow, PutPriceRequest, WithdrawPriceRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::from_query;
use super::super::documents::Document;
use super::super::management::Named;
use super::super::reply::{self, Refusal};
use super::catalogue::{done, router};
use super::catalogue_lists::of;
use super::{Operator, bad, read};
use crate::service::App;
use crate::text;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list, put)).routes(routes!(withdraw))
}

/// USD per unit, such as `"0.0000025"`; a class that is not given falls back or is free.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Rates {
    #[serde(alias = "prompt")]
    input: Option<String>,
    cache_read: Option<String>,
    cache_write_5m: Option<String>,
    cache_write_1h: Option<String>,
    #[serde(alias = "completion")]
    output: Option<String>,
    reasoning: Option<String>,
    audio_input: Option<String>,
    audio_output: Option<String>,
    image: Option<String>,
    request: Option<String>,
    image_input: Option<String>,
    image_output: Option<String>,
    picture: Option<String>,
    character: Option<String>,
    second: Option<String>,
    search_unit: Option<String>,
}

/// Rates above a number of prompt tokens.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PriceTier)]
pub(super) struct Tier {
    above_prompt_tokens: u64,
    rates: Rates,
}

/// Rates for a stretch of a day in UTC; what they do not list is as outside of it.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PriceWindow)]
struct Window {
    /// `HHMM`, as `utc_end`.
    utc_start: String,
    utc_end: String,
    /// Days on which it begins, 1 for Monday to 7 for Sunday; none = every day.
    #[serde(default)]
    weekdays: Vec<u32>,
    #[serde(default)]
    base: Rates,
    #[serde(default)]
    tiers: Vec<Tier>,
}

/// A whole price list.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Price {
    base: Rates,
    #[serde(default)]
    tiers: Vec<Tier>,
    #[serde(default)]
    windows: Vec<Window>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPrice {
    endpoint_id: String,
    price: Price,
    #[serde(default)]
    force: bool,
    /// RFC 3339.
    #[serde(default)]
    effective_at: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    pub(super) dry_run: bool,
}

impl NewPrice {
    /// For the router.
    ///
    /// # Errors
    /// A [`Refusal`] naming the member that is wrong.
    pub(super) fn message(self) -> Result<PutPriceRequest, Refusal> {
        text::reason("source", &self.source)?;
        Ok(PutPriceRequest {
            price: Some(self.price.version()?),
            windows: self.price.windows()?,
            endpoint_id: self.endpoint_id,
            force: self.force,
            effective_at: self.effective_at,
            source: self.source,
            ..PutPriceRequest::default()
        })
    }
}

/// Set the price of an endpoint
#[utoipa::path(post, path = "/prices", operation_id = "putPrice", tag = "Prices",
    request_body = NewPrice,
    responses((status = 200, description = "Where the change is, or what a dry run would do", body = Document)),
    security(("operator_token" = [])))]
async fn put(operator: Operator, State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let sent: NewPrice = read(&app, request).await?;
    let details = json!({ "force": sent.force, "effective_at": sent.effective_at, "source": sent.source });
    let entry = operator.does("price.put", None, sent.endpoint_id.as_str(), details);
    let (dry_run, actor) = (sent.dry_run, operator.actor.clone());
    let message = PutPriceRequest { dry_run, actor, ..sent.message()? };
    let put = router(&app).put_price(message).await?.into_inner();
    done(&app, entry, put).await
}

/// Withdraw a price that is not in effect yet
#[utoipa::path(delete, path = "/prices/{id}", operation_id = "withdrawPrice", tag = "Prices",
    params(("id" = uuid::Uuid, Path, description = "The id")),
    responses((status = 200, description = "Where the change is", body = Document)),
    security(("operator_token" = [])))]
async fn withdraw(
    operator: Operator,
    State(app): State<Arc<App>>,
    Named(price_id): Named<String>,
) -> Result<Response, Refusal> {
    let entry = operator.does("price.withdraw", None, price_id.as_str(), json!({}));
    let message = WithdrawPriceRequest { price_id, actor: operator.actor.clone() };
    let put = router(&app).withdraw_price(message).await?.into_inner();
    done(&app, entry, put).await
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct OfEndpoint {
    endpoint: String,
}

/// List prices
///
/// All prices of one endpoint, or the price in effect of each.
#[utoipa::path(get, path = "/prices", operation_id = "listPrices", tag = "Prices",
    params(OfEndpoint),
    responses((status = 200, description = "The prices", body = Document)),
    security(("operator_token" = [])))]
async fn list(
    _operator: Operator,
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    let OfEndpoint { endpoint: endpoint_id } = from_query(&request.into_parts().0)?;
    if !endpoint_id.is_empty() {
        let list = router(&app).list_prices(ListPricesRequest { endpoint_id }).await?;
        return Ok(reply::raw_json(StatusCode::OK, list.into_inner().body_json));
    }
    let asked: DescribeCatalogueRequest = of("endpoints");
    let described = router(&app).describe_catalogue(asked).await?.into_inner();
    let mut endpoints: Value = serde_json::from_slice(&described.body_json).unwrap_or_else(|_| json!({}));
    let rows = endpoints["data"].as_array_mut().into_iter().flatten();
    let data: Vec<Value> = rows.map(in_effect).collect();
    Ok(reply::json(StatusCode::OK, &json!({ "version": described.version, "data": data })))
}

fn in_effect(endpoint: &mut Value) -> Value {
    json!({
        "endpoint_id": endpoint["id"].take(),
        "model": endpoint["model"].take(),
        "provider": endpoint["provider"].take(),
        "price": endpoint["price"].take(),
    })
}

impl Price {
    /// The price list for the router, which gives it its id.
    ///
    /// # Errors
    /// A [`Refusal`] naming the rate that is no price.
    pub(super) fn version(&self) -> Result<PriceVersion, Refusal> {
        version(&self.base, &self.tiers)
    }

    /// The lists that replace it for stretches of the day.
    ///
    /// # Errors
    /// A [`Refusal`] naming the rate that is no price.
    pub(super) fn windows(&self) -> Result<Vec<PriceWindow>, Refusal> {
        let window = |window: &Window| {
            Ok(PriceWindow {
                utc_start: window.utc_start.clone(),
                utc_end: window.utc_end.clone(),
                weekdays: window.weekdays.clone(),
                price: Some(version(&window.base, &window.tiers)?),
            })
        };
        self.windows.iter().map(window).collect()
    }
}

fn version(base: &Rates, tiers: &[Tier]) -> Result<PriceVersion, Refusal> {
    let tiers = tiers
        .iter()
        .map(|tier| {
            Ok(pricing::Tier { above_prompt_tokens: tier.above_prompt_tokens, rates: tier.rates.read()? })
        })
        .collect::<Result<_, Refusal>>()?;
    let mut version =
        price_out(identity::PriceVersionId::generate(), &PriceBook { base: base.read()?, tiers });
    version.id.clear();
    Ok(version)
}

impl Rates {
    fn read(&self) -> Result<pricing::Rates, Refusal> {
        let written = [
            (Class::Input, "input", &self.input),
            (Class::CacheRead, "cache_read", &self.cache_read),
            (Class::CacheWrite5m, "cache_write_5m", &self.cache_write_5m),
            (Class::CacheWrite1h, "cache_write_1h", &self.cache_write_1h),
            (Class::Output, "output", &self.output),
            (Class::Reasoning, "reasoning", &self.reasoning),
            (Class::AudioInput, "audio_input", &self.audio_input),
            (Class::AudioOutput, "audio_output", &self.audio_output),
            (Class::Image, "image", &self.image),
            (Class::Request, "request", &self.request),
            (Class::ImageInput, "image_input", &self.image_input),
            (Class::ImageOutput, "image_output", &self.image_output),
            (Class::Picture, "picture", &self.picture),
            (Class::Character, "character", &self.character),
            (Class::Second, "second", &self.second),
            (Class::SearchUnit, "search_unit", &self.search_unit),
        ];
        let mut rates = pricing::Rates::default();
        for (class, name, text) in written {
            if let Some(text) = text {
                let rate: Rate = text.parse().map_err(|_| {
                    bad(format!(
                        "price.{name}: `{text}` is no price: write USD per unit, such as \"0.0000025\""
                    ))
                })?;
                rates = rates.with(class, rate);
            }
        }
        Ok(rates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_strings_of_usd_per_unit() {
        let json = r#"{"base":{"prompt":"0.0000025","output":"0.00001"},
                       "tiers":[{"above_prompt_tokens":200000,"rates":{"input":"0.000005"}}]}"#;
        let price: Price = serde_json::from_str(json).unwrap();
        let version = price.version().unwrap();
        let base = version.base.unwrap();
        assert_eq!((base.input, base.output), (Some(2_500_000), Some(10_000_000)));
        assert_eq!(version.tiers[0].rates.unwrap().input, Some(5_000_000));
        let pieces = r#"{"base":{"image_input":"0.00001","image_output":"0.00004","picture":"0.05",
                         "character":"0.000015","second":"0.0001","search_unit":"0.002"}}"#;
        let base = serde_json::from_str::<Price>(pieces).unwrap().version().unwrap().base.unwrap();
        assert_eq!((base.image_input, base.image_output), (Some(10_000_000), Some(40_000_000)));
        assert_eq!((base.picture, base.character), (Some(50_000_000_000), Some(15_000_000)));
        assert_eq!((base.second, base.search_unit), (Some(100_000_000), Some(2_000_000_000)));
        let nightly = r#"{"base":{"input":"0.00001"},
                          "windows":[{"utc_start":"1630","utc_end":"0030","base":{"input":"0.000005"}}]}"#;
        let windows = serde_json::from_str::<Price>(nightly).unwrap().windows().unwrap();
        assert_eq!((windows[0].utc_start.as_str(), windows[0].utc_end.as_str()), ("1630", "0030"));
        assert_eq!(windows[0].price.as_ref().unwrap().base.unwrap().input, Some(5_000_000));
        let negative: Price = serde_json::from_str(r#"{"base":{"input":"-1"}}"#).unwrap();
        assert!(negative.version().is_err());
        assert!(serde_json::from_str::<Price>(r#"{"base":{"in":"1"}}"#).is_err());
    }
}
