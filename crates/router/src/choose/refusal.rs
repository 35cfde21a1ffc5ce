//! Why there is no plan, and what the client is told.

use dialect::canonical::Operation;
use rpc::Fault;
use serde_json::{Value, json};

use super::resolve::Wanted;
use super::{Exclusion, Reason, Subject};
use crate::catalogue::Catalogue;

/// There is nothing to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal<'a> {
    NoModel,
    /// No name that was asked for is a model's.
    UnknownModel {
        name: &'a str,
        requested: &'a [String],
    },
    /// The model exists, and is made for something else than what it is asked for.
    WrongEndpoint {
        name: &'a str,
        output: String,
        operation: Operation,
    },
    /// Every endpoint is excluded.
    NothingLeft {
        names: Vec<&'a str>,
        exclusions: Vec<Exclusion<'a>>,
    },
}

impl<'a> Refusal<'a> {
    pub(super) fn nothing_left(
        wanted: &[Wanted<'a>],
        exclusions: Vec<Exclusion<'a>>,
        catalogue: &Catalogue,
        operation: Operation,
    ) -> Self {
        let first =
            wanted.first().and_then(|wanted| Some((wanted.name, catalogue.models().get(wanted.model)?)));
        if let Some((name, model)) = first
            && !model.operations.contains(operation)
        {
            let output = model.row.output_modalities.join(" and ");
            return Self::WrongEndpoint { name, output, operation };
        }
        Self::NothingLeft { names: wanted.iter().map(|wanted| wanted.name).collect(), exclusions }
    }
}

impl From<Refusal<'_>> for Fault {
    fn from(refusal: Refusal<'_>) -> Self {
        match refusal {
            Refusal::NoModel => Self::invalid("No model was named. Set `model` or `models`."),
            Refusal::UnknownModel { name, requested } => with_availability(
                Self::invalid(format!("{name} is not a valid model ID")),
                availability("model_not_found", requested),
            ),
            Refusal::WrongEndpoint { name, output, operation } => with_availability(
                Self::invalid(format!(
                    "{name} answers {output} and cannot be used for {}",
                    match operation {
                        Operation::Chat => "chat completions",
                        other => other.as_str(),
                    }
                )),
                availability("wrong_endpoint", &[name]),
            ),
            Refusal::NothingLeft { names, exclusions } => nothing_left(&names, &exclusions),
        }
    }
}

fn nothing_left(names: &[&str], exclusions: &[Exclusion<'_>]) -> Fault {
    let asked = names.join(", ");
    let mut constraints: Vec<(&str, &str)> = exclusions
        .iter()
        .filter(|exclusion| matches!(exclusion.subject, Subject::Endpoint(_)))
        .filter_map(|exclusion| exclusion.reason.constraint())
        .collect();
    constraints.sort_unstable();
    constraints.dedup();
    if constraints.is_empty() {
        return with_availability(
            Fault::not_found(format!("No endpoints found for {asked}.")),
            availability("no_endpoints", names),
        );
    }
    let mut excluded_by: Vec<&str> = constraints.iter().map(|(by, _)| *by).collect();
    excluded_by.dedup();
    let fields: Vec<&str> = constraints.iter().map(|(_, field)| *field).collect();
    let is_privacy = excluded_by.iter().all(|by| by.starts_with("data_policy:"));
    let code = if is_privacy { "privacy_restricted" } else { "constraint_filtered" };
    let detail = detail(exclusions);
    let mut body = availability(code, names);
    body["excluded_by"] = json!(excluded_by);
    body["constraint"] = json!({ "field": fields.join(", "), "detail": detail });
    let message = format!("No endpoints found for {asked} that match the request: {detail}.");
    with_availability(Fault::not_found(message), body)
}

/// Says what stood in the way, most frequent reason first.
fn detail(exclusions: &[Exclusion<'_>]) -> String {
    let mut counted: Vec<(Reason, usize)> = Vec::new();
    for exclusion in exclusions.iter().filter(|exclusion| exclusion.reason.constraint().is_some()) {
        match counted.iter_mut().find(|(reason, _)| *reason == exclusion.reason) {
            Some((_, count)) => *count += 1,
            None => counted.push((exclusion.reason, 1)),
        }
    }
    counted.sort_by_key(|(reason, count)| (std::cmp::Reverse(*count), *reason));
    let said: Vec<&str> = counted.into_iter().map(|(reason, _)| say(reason)).collect();
    said.join("; ")
}

const fn say(reason: Reason) -> &'static str {
    match reason {
        Reason::ServiceTier => "no endpoint is of the wanted class of service",
        Reason::ModelNotAllowed | Reason::ModelIgnored => "the account's rules do not allow the model",
        Reason::ProviderNotAllowed | Reason::ProviderIgnored => {
            "the account's rules do not allow the providers"
        }
        Reason::AccountZeroDataRetention => {
            "the account's rules ask for providers that are known to retain no data"
        }
        Reason::AccountDataCollection => {
            "the account's rules ask for providers that are known not to collect data"
        }
        Reason::Region => "no endpoint stays in the data region",
        Reason::NotInOnly => "no endpoint is from a provider in `provider.only`",
        Reason::Ignored => "`provider.ignore` rules endpoints out",
        Reason::NotInOrder => {
            "no endpoint is from a provider in `provider.order`, and fallbacks are not allowed"
        }
        Reason::Quantization => "no endpoint has one of the wanted quantizations",
        Reason::ContextLength => "the prompt is longer than the context",
        Reason::MaxTokens => "`max_tokens` is more than an answer may have",
        Reason::InputModality => "no endpoint takes this kind of input",
        Reason::OutputModality => "no endpoint answers with this kind of output",
        Reason::Distillable => "the model's author does not let answers train other models",
        Reason::RequireParameters => "no endpoint takes every parameter that is set",
        Reason::DataCollection => "no endpoint is known not to collect data",
        Reason::ZeroDataRetention => "no endpoint is known to retain no data",
        Reason::MaxPrice => "every endpoint costs more than `provider.max_price`",
        _ => "no endpoint is available",
    }
}

fn availability<S: AsRef<str>>(code: &str, requested: &[S]) -> Value {
    let requested: Vec<&str> = requested.iter().map(AsRef::as_ref).collect();
    json!({
        "code": code,
        "retryable": false,
        "requested_models": requested,
        "docs_url": format!("/docs/errors/{code}"),
    })
}

fn with_availability(fault: Fault, availability: Value) -> Fault {
    Fault { availability: Some(availability.to_string()), ..fault }
}
