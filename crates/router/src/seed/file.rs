//! The catalogue that ships with the program: `data/catalogue.json`.

use std::collections::BTreeMap;

use dialect::codec::DIALECTS;
use pricing::{PriceBook, Rate, Rates, Tier};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::catalogue::{CLASSES, book_out};
use crate::{Error, store::rows};

const SHIPPED: &str = include_str!("../../data/catalogue.json");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// The day the facts were gathered.
    #[serde(rename = "built")]
    _built: String,
    pub(crate) providers: Vec<Provider>,
    pub(crate) models: Vec<Model>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Provider {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) dialect: String,
    pub(crate) base_url: String,
    pub(crate) credential_env: String,
    pub(crate) cancel_stops_billing: bool,
    pub(crate) collects_data: Option<bool>,
    pub(crate) zero_data_retention: bool,
    pub(crate) headquarters: Option<String>,
    #[serde(default)]
    pub(crate) datacenters: Vec<String>,
    pub(crate) privacy_policy_url: Option<String>,
    pub(crate) terms_of_service_url: Option<String>,
    pub(crate) status_page_url: Option<String>,
    pub(crate) quirks: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Model {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) created: u64,
    pub(crate) context_length: u64,
    pub(crate) max_output: Option<u64>,
    pub(crate) input_modalities: Vec<String>,
    pub(crate) output_modalities: Vec<String>,
    #[serde(default)]
    pub(crate) supported_parameters: Vec<String>,
    pub(crate) tokenizer: String,
    pub(crate) hugging_face_id: Option<String>,
    #[serde(rename = "open_weights")]
    _open_weights: bool,
    /// The permanent name, where it is not the slug.
    pub(crate) canonical_slug: Option<String>,
    pub(crate) family: Option<String>,
    pub(crate) distillable: Option<bool>,
    pub(crate) knowledge_cutoff: Option<String>,
    pub(crate) default_parameters: Option<Value>,
    #[serde(default)]
    pub(crate) scores: rows::Scores,
    pub(crate) scores_source: Option<String>,
    #[serde(default)]
    pub(crate) quirks: Map<String, Value>,
    #[serde(default)]
    pub(crate) aliases: Vec<String>,
    pub(crate) first_token_ms: Option<u32>,
    pub(crate) endpoints: Vec<Endpoint>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endpoint {
    pub(crate) provider: String,
    pub(crate) provider_model: String,
    pub(crate) tag: String,
    pub(crate) dialect: Option<String>,
    pub(crate) context_length: u64,
    pub(crate) max_output: Option<u64>,
    pub(crate) quantization: Option<String>,
    pub(crate) deprecation_date: Option<String>,
    pub(crate) service_tier: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) collects_data: Option<bool>,
    pub(crate) zero_data_retention: Option<bool>,
    pub(crate) supported_parameters: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) implicit_caching: bool,
    #[serde(default)]
    pub(crate) quirks: Map<String, Value>,
    /// USD per unit by class, as decimal strings.
    price: BTreeMap<String, String>,
    #[serde(default)]
    tiers: Vec<FileTier>,
    #[serde(default)]
    windows: Vec<FileWindow>,
}

/// Hours in which other rates apply, in UTC; those of long prompts are then the listed ones as well.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileWindow {
    /// `HHMM`
    utc_start: String,
    /// `HHMM`
    utc_end: String,
    /// 1 for Monday to 7 for Sunday; none = every day.
    #[serde(default)]
    weekdays: Vec<u8>,
    price: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct FileTier {
    above_prompt_tokens: u64,
    #[serde(flatten)]
    price: BTreeMap<String, String>,
}

impl File {
    pub(crate) fn shipped() -> Result<Self, Error> {
        serde_json::from_str(SHIPPED).map_err(Error::Shipped)
    }
}

impl Provider {
    /// The dialect that a simulator of this provider speaks: its own where we do, else the commonest.
    pub(crate) fn simulated_dialect(&self) -> &str {
        if DIALECTS.contains(&&*self.dialect) { &self.dialect } else { "openai" }
    }

    pub(crate) fn row(&self) -> rows::Provider {
        rows::Provider {
            slug: self.slug.clone(),
            name: self.name.clone(),
            dialect: self.dialect.clone(),
            base_url: self.base_url.clone(),
            credential_env: Some(self.credential_env.clone()),
            credential_required: true,
            quirks: self.quirks.clone(),
            cancel_stops_billing: self.cancel_stops_billing,
            collects_data: self.collects_data,
            zero_data_retention: self.zero_data_retention,
            headquarters: self.headquarters.clone(),
            datacenters: self.datacenters.clone(),
            privacy_policy_url: self.privacy_policy_url.clone(),
            terms_of_service_url: self.terms_of_service_url.clone(),
            status_page_url: self.status_page_url.clone(),
            simulated: false,
            disabled: false,
            timeouts: rows::Timeouts::default(),
            seeded: None,
        }
    }
}

impl Model {
    pub(crate) fn row(&self) -> rows::Model {
        rows::Model {
            slug: self.slug.clone(),
            canonical_slug: self.canonical_slug.clone().unwrap_or_else(|| self.slug.clone()),
            name: self.name.clone(),
            created: self.created,
            context_length: self.context_length,
            max_output: self.max_output,
            input_modalities: self.input_modalities.clone(),
            output_modalities: self.output_modalities.clone(),
            supported_parameters: self.supported_parameters.clone(),
            tokenizer: self.tokenizer.clone(),
            hugging_face_id: self.hugging_face_id.clone(),
            family: self.family.clone(),
            distillable: self.distillable,
            knowledge_cutoff: self.knowledge_cutoff.clone(),
            default_parameters: self.default_parameters.clone(),
            scores: self.scores,
            scores_source: self.scores_source.clone(),
            quirks: self.quirks.clone(),
            first_token_ms: self.first_token_ms,
            disabled: false,
            seeded: None,
        }
    }
}

impl Endpoint {
    pub(crate) fn row(&self, model: &str) -> rows::Endpoint {
        rows::Endpoint {
            id: identity::EndpointId::generate(),
            model: model.to_owned(),
            provider: self.provider.clone(),
            provider_model: self.provider_model.clone(),
            tag: self.tag.clone(),
            dialect: self.dialect.clone(),
            context_length: self.context_length,
            max_output: self.max_output,
            quantization: self.quantization.clone(),
            service_tier: self.service_tier.clone(),
            region: self.region.clone(),
            collects_data: self.collects_data,
            zero_data_retention: self.zero_data_retention,
            supported_parameters: self.supported_parameters.clone(),
            implicit_caching: self.implicit_caching,
            quirks: self.quirks.clone(),
            deprecation_date: self.deprecation_date.clone(),
            disabled: false,
            timeouts: rows::Timeouts::default(),
            seeded: None,
        }
    }

    /// The price as it is stored.
    pub(crate) fn price(&self) -> Result<Value, Error> {
        let mut price = book_out(&self.book()?);
        if !self.windows.is_empty() {
            let windows = self.windows.iter().map(FileWindow::stored).collect::<Result<Vec<_>, Error>>()?;
            price["windows"] = windows.into();
        }
        Ok(price)
    }

    fn book(&self) -> Result<PriceBook, Error> {
        let tier = |tier: &FileTier| {
            Ok(Tier { above_prompt_tokens: tier.above_prompt_tokens, rates: rates(&tier.price)? })
        };
        Ok(PriceBook {
            base: rates(&self.price)?,
            tiers: self.tiers.iter().map(tier).collect::<Result<_, Error>>()?,
        })
    }
}

impl FileWindow {
    fn stored(&self) -> Result<Value, Error> {
        let mut window = book_out(&PriceBook { base: rates(&self.price)?, tiers: Vec::new() });
        window["utc_start"] = self.utc_start.as_str().into();
        window["utc_end"] = self.utc_end.as_str().into();
        if !self.weekdays.is_empty() {
            window["weekdays"] = self.weekdays.clone().into();
        }
        Ok(window)
    }
}

fn rates(price: &BTreeMap<String, String>) -> Result<Rates, Error> {
    price.iter().try_fold(Rates::default(), |rates, (name, usd)| {
        let class = CLASSES.into_iter().find(|(known, _)| known == name).map(|(_, class)| class);
        let rate = usd.parse::<Rate>().ok();
        class
            .zip(rate)
            .map(|(class, rate)| rates.with(class, rate))
            .ok_or_else(|| Error::Refused(format!("`{usd}` is no price of `{name}`")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TimeoutConfig;
    use crate::catalogue::Catalogue;

    #[test]
    fn the_shipped_catalogue_is_whole() {
        let file = File::shipped().unwrap();
        assert!(file.models.len() >= 335, "{} models", file.models.len());
        let providers = file.providers.iter().map(Provider::row).collect();
        let mut tables = rows::Tables { providers, ..rows::Tables::default() };
        for model in &file.models {
            tables.models.push(model.row());
            for alias in &model.aliases {
                tables.aliases.push(rows::Alias { alias: alias.clone(), model: model.slug.clone() });
            }
            for endpoint in &model.endpoints {
                let row = endpoint.row(&model.slug);
                tables.prices.push(rows::Price {
                    id: identity::PriceVersionId::generate(),
                    endpoint_id: row.id,
                    book: endpoint.price().unwrap(),
                    source: String::new(),
                });
                tables.endpoints.push(row);
            }
        }
        let catalogue = Catalogue::build(tables, TimeoutConfig::default()).unwrap();
        for (name, slug) in [
            ("openai/gpt-4o", "openai/gpt-4o"),
            ("gpt-4o-mini", "openai/gpt-4o-mini"),
            ("anthropic/claude-3-5-sonnet", "anthropic/claude-3.5-sonnet"),
            ("claude-3-5-sonnet-20241022", "anthropic/claude-3.5-sonnet"),
            ("anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4.5"),
            ("google/gemini-1.5-pro", "google/gemini-1.5-pro"),
            ("google/gemini-2.0-flash", "google/gemini-2.0-flash-001"),
            ("meta-llama/llama-3.3-70b-instruct", "meta-llama/llama-3.3-70b-instruct"),
            ("mistralai/mistral-large", "mistralai/mistral-large"),
            ("qwen/qwen-2.5-72b-instruct", "qwen/qwen-2.5-72b-instruct"),
        ] {
            let found = catalogue.find(name).map(|at| catalogue.models()[at].slug());
            assert_eq!(found, Some(slug), "{name}");
        }
    }
}
