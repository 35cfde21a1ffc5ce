//! Why there is no plan, and what the client is told.

mod similar;

use dialect::canonical::Operation;
use rpc::Fault;
use serde_json::{Value, json};

use super::resolve::Wanted;
use super::{Exclusion, Reason, Request, Routed, Subject, TierWish};
use crate::catalogue::{Catalogue, Endpoint};

/// There is nothing to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal<'a> {
    NoModel,
    /// No name that was asked for is a model's.
    UnknownModel {
        name: &'a str,
        requested: &'a [String],
        similar: Vec<String>,
    },
    /// There is no free variant of the model, which there is.
    FreeVariantEnded {
        name: &'a str,
        model: String,
        requested: &'a [String],
    },
    /// All of the model's endpoints are past their deprecation dates.
    Deprecated {
        name: &'a str,
        requested: &'a [String],
        similar: Vec<String>,
    },
    /// A router found no model that will do.
    NoCandidates {
        name: &'a str,
        requested: &'a [String],
        /// How many models each reason spoke against.
        reasons: Vec<(&'static str, usize)>,
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
        /// Slugs of those whose endpoints stood in question.
        providers: Vec<String>,
        /// Slugs of models that would do in its place.
        similar: Vec<String>,
    },
}

impl<'a> Refusal<'a> {
    /// A name that leads nowhere. `ended` is the model that is no longer offered free of charge, if it is that.
    pub(super) fn unknown(
        name: &'a str,
        ended: Option<usize>,
        request: &Request<'a>,
        (catalogue, now_ms): (&Catalogue, u64),
    ) -> Self {
        let requested = request.models;
        match ended.and_then(|at| catalogue.models().get(at)) {
            Some(model) => Self::FreeVariantEnded { name, model: model.slug().to_owned(), requested },
            None => {
                let similar = similar::to_name(name, catalogue, request.profile.operation, now_ms);
                Self::UnknownModel { name, requested, similar }
            }
        }
    }

    pub(super) fn no_candidates(name: &'a str, routed: &Routed, request: &Request<'a>) -> Self {
        Self::NoCandidates { name, requested: request.models, reasons: routed.reasons.clone() }
    }

    pub(super) fn nothing_left(
        wanted: &[Wanted<'a>],
        mut exclusions: Vec<Exclusion<'a>>,
        catalogue: &Catalogue,
        request: &Request<'a>,
        now_ms: u64,
    ) -> Self {
        let operation = request.profile.operation;
        if !matches!(request.tier, TierWish::Only(_)) {
            // Who asks for no class of service is not told that others than the usual one exist.
            exclusions.retain(|exclusion| exclusion.reason != Reason::ServiceTier);
        }
        let names: Vec<&str> = wanted.iter().map(|wanted| wanted.name).collect();
        let first = wanted
            .first()
            .and_then(|wanted| Some((wanted.name, wanted.model, catalogue.models().get(wanted.model)?)));
        let Some((name, at, model)) = first else {
            return Self::NothingLeft { names, exclusions, providers: Vec::new(), similar: Vec::new() };
        };
        if !model.operations.contains(operation) {
            let output = model.row.output_modalities.join(" and ");
            return Self::WrongEndpoint { name, output, operation };
        }
        let similar = similar::to_model(at, catalogue, operation, now_ms);
        let endpoints = catalogue.endpoints_of(model);
        let is_gone =
            |endpoint: &Endpoint| endpoint.retires_ms.is_some_and(|retires_ms| retires_ms <= now_ms);
        if !endpoints.is_empty() && endpoints.iter().all(is_gone) {
            return Self::Deprecated { name, requested: request.models, similar };
        }
        let providers = providers(&exclusions, catalogue);
        Self::NothingLeft { names, exclusions, providers, similar }
    }
}

/// The providers whose endpoints a constraint excludes; where none does, those of all endpoints.
fn providers(exclusions: &[Exclusion<'_>], catalogue: &Catalogue) -> Vec<String> {
    let slugs = |counts: &dyn Fn(Reason) -> bool| {
        let excluded = exclusions.iter().filter_map(|exclusion| match exclusion.subject {
            Subject::Endpoint(at) if counts(exclusion.reason) => catalogue.endpoints().get(at),
            _ => None,
        });
        let mut slugs: Vec<String> = excluded.map(|endpoint| endpoint.attempt.provider.clone()).collect();
        slugs.sort_unstable();
        slugs.dedup();
        slugs
    };
    let constrained = slugs(&|reason| reason.constraint().is_some());
    if constrained.is_empty() { slugs(&|_| true) } else { constrained }
}

impl From<Refusal<'_>> for Fault {
    fn from(refusal: Refusal<'_>) -> Self {
        match refusal {
            Refusal::NoModel => Self::invalid("No model was named. Set `model` or `models`."),
            Refusal::UnknownModel { name, requested, similar } => with_availability(
                Self::invalid(format!("{name} is not a valid model ID")),
                instead(availability("model_not_found", requested), &similar),
            ),
            Refusal::FreeVariantEnded { name, model, requested } => with_availability(
                Self::not_found(format!("{name} is no longer offered. {model} is, at a price.")),
                instead(availability("free_variant_ended", requested), &[model]),
            ),
            Refusal::Deprecated { name, requested, similar } => with_availability(
                Self::not_found(format!("{name} is deprecated, and no provider offers it any more.")),
                instead(availability("model_deprecated", requested), &similar),
            ),
            Refusal::NoCandidates { name, requested, reasons } => no_candidates(name, requested, reasons),
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
            Refusal::NothingLeft { names, exclusions, providers, similar } => {
                nothing_left(&names, &exclusions, &providers, &similar)
            }
        }
    }
}

fn nothing_left(
    names: &[&str],
    exclusions: &[Exclusion<'_>],
    providers: &[String],
    similar: &[String],
) -> Fault {
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
            instead(affecting(availability("no_endpoints", names), providers), similar),
        );
    }
    let mut excluded_by: Vec<&str> = constraints.iter().map(|(by, _)| *by).collect();
    excluded_by.dedup();
    let fields: Vec<&str> = constraints.iter().map(|(_, field)| *field).collect();
    let all = |is: fn(&str) -> bool| excluded_by.iter().all(|by| is(by));
    let is_forbidden = is_forbidden(exclusions);
    let code = if all(|by| matches!(by, "data_region" | "geo")) {
        "region_restricted"
    } else if all(|by| by.starts_with("data_policy:")) {
        "privacy_restricted"
    } else {
        "constraint_filtered"
    };
    let detail = detail(exclusions);
    let fault = if is_forbidden {
        Fault::new("permission_denied", 403, format!("A guardrail does not allow {asked}: {detail}."))
    } else {
        let message = format!("No endpoints found for {asked} that match the request: {detail}.");
        match code {
            "region_restricted" => Fault::new("permission_denied", 403, message),
            _ => Fault::not_found(message),
        }
    };
    let mut body = affecting(availability(code, names), providers);
    body["excluded_by"] = json!(excluded_by);
    body["constraint"] = json!({ "field": fields.join(", "), "detail": detail });
    with_availability(fault, body)
}

/// Whether guardrails alone leave nothing, and at least one by its lists.
fn is_forbidden(exclusions: &[Exclusion<'_>]) -> bool {
    let mut reasons = exclusions.iter().map(|one| one.reason).filter(|reason| reason.constraint().is_some());
    reasons.clone().any(Reason::is_forbidden) && reasons.all(Reason::is_of_account)
}

fn no_candidates(name: &str, requested: &[String], mut reasons: Vec<(&'static str, usize)>) -> Fault {
    let fault = Fault::not_found("No models match your request and model restrictions");
    if reasons.iter().all(|(reason, _)| *reason == "not_free") {
        return with_availability(fault, availability("no_endpoints", requested));
    }
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let counted: Vec<String> = reasons.iter().map(|(reason, count)| format!("{reason}: {count}")).collect();
    let mut excluded_by: Vec<&str> = reasons.iter().filter_map(|(reason, _)| public(reason)).collect();
    excluded_by.sort_unstable();
    excluded_by.dedup();
    let mut body = availability("constraint_filtered", requested);
    body["excluded_by"] = json!(excluded_by);
    let detail = format!("models that {name} passed over, by what they lack: {}", counted.join(", "));
    body["constraint"] = json!({ "field": "model", "detail": detail });
    with_availability(fault, body)
}

/// The value of `availability.excluded_by` for what speaks against a model.
fn public(reason: &str) -> Option<&'static str> {
    match reason {
        "zdr" | "account_zdr" => Some("data_policy:zdr"),
        "data_collection" | "account_data_collection" => Some("data_policy:training"),
        "max_price" => Some("max_price"),
        "context_length" | "max_tokens" | "min_context_length" | "min_output_length" => {
            Some("context_length")
        }
        "require_parameters" => Some("require_parameters"),
        "quantization" => Some("quantization"),
        "region" | "account_region" => Some("data_region"),
        "not_in_only" | "ignored" | "not_in_order" | "provider_not_allowed" | "provider_ignored" => {
            Some("allowed_providers")
        }
        _ => None,
    }
}

fn instead(mut availability: Value, models: &[String]) -> Value {
    if !models.is_empty() {
        availability["fallback_models"] = json!(models);
    }
    availability
}

fn affecting(mut availability: Value, providers: &[String]) -> Value {
    if !providers.is_empty() {
        availability["affected_providers"] = json!(providers);
    }
    availability
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
        Reason::ModelNotAllowed => "`allowed_models` does not list the model",
        Reason::ModelIgnored => "`ignored_models` lists the model",
        Reason::ProviderNotAllowed => "`allowed_providers` does not list the providers",
        Reason::ProviderIgnored => "`ignored_providers` lists the providers",
        Reason::AccountZeroDataRetention => "a guardrail asks for providers that are known to retain no data",
        Reason::AccountDataCollection => "a guardrail asks for providers that are known not to collect data",
        Reason::AccountRegion => "no endpoint stays in the data regions that a guardrail allows",
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
