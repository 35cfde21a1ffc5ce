//! Which endpoints can serve a request at all.

use super::resolve::Wanted;
use super::{DataCollection, Exclusion, Preferences, Reason, Request, Subject};
use crate::catalogue::{Catalogue, Endpoint, Model, Offer, ParameterSet, Parameters, minute_of_day};
use pricing::Class;

/// The endpoints of a model that may serve, as indices in the catalogue.
pub(super) fn hard<'a>(
    request: &Request<'a>,
    catalogue: &Catalogue,
    wanted: &Wanted<'a>,
    now_ms: u64,
    exclusions: &mut Vec<Exclusion<'a>>,
) -> Vec<usize> {
    let Some(model) = catalogue.models().get(wanted.model) else { return Vec::new() };
    let mut candidates = Vec::with_capacity(model.endpoints.len());
    for (at, endpoint) in model.endpoints.clone().zip(catalogue.endpoints_of(model)) {
        let lacks = || wanted.needs.unmet(endpoint, minute_of_day(now_ms)).map(|_| Reason::Capability);
        match bars(request, wanted, model, endpoint, now_ms).or_else(lacks) {
            None => candidates.push(at),
            Some(reason) => exclusions.push(Exclusion { subject: Subject::Endpoint(at), reason }),
        }
    }
    candidates
}

/// Why an endpoint of a model cannot or must not serve, if so.
pub(super) fn bars(
    request: &Request<'_>,
    _wanted: &Wanted<'_>,
    model: &Model,
    endpoint: &Endpoint,
    now_ms: u64,
) -> Option<Reason> {
    let operation = request.profile.operation;
    if !model.operations.contains(operation) {
        Some(Reason::OtherOperation)
    } else if endpoint.unusable.is_none()
        && endpoint.retires_ms.is_some_and(|retires_ms| retires_ms <= now_ms)
    {
        Some(Reason::Deprecated)
    } else if endpoint.unusable.is_none() && !endpoint.operations.contains(operation) {
        Some(Reason::UnsupportedOperation)
    } else {
        excludes(request, endpoint, minute_of_day(now_ms))
    }
}

/// The first hard filter that an endpoint does not pass. The catalogue's reasons come first, so that a
/// request is never told that its own wishes stood in the way of what cannot be reached anyhow.
fn excludes(request: &Request<'_>, endpoint: &Endpoint, minute: u16) -> Option<Reason> {
    let (wishes, profile) = (&request.preferences, &request.profile);
    let max_output = endpoint.max_output.unwrap_or(endpoint.context_length);
    let checks = [
        (!wishes.only.is_empty() && !names_any(wishes.only, endpoint), Reason::NotInOnly),
        (names_any(wishes.ignore, endpoint), Reason::Ignored),
        (
            !wishes.allow_fallbacks && !wishes.order.is_empty() && !names_any(wishes.order, endpoint),
            Reason::NotInOrder,
        ),
        (wishes.zero_data_retention && !endpoint.zero_data_retention, Reason::ZeroDataRetention),
        (wishes.data_collection == DataCollection::Deny && endpoint.collects_data, Reason::DataCollection),
        (
            !wishes.quantizations.is_empty() && !has_quantization(wishes.quantizations, endpoint),
            Reason::Quantization,
        ),
        (is_too_dear(wishes, endpoint, minute), Reason::MaxPrice),
        (!endpoint.inputs.contains(profile.inputs), Reason::InputModality),
        (profile.least_prompt_tokens() > endpoint.context_length, Reason::ContextLength),
        (profile.max_tokens.is_some_and(|tokens| tokens > max_output), Reason::MaxTokens),
        (wishes.require_parameters && lacks(endpoint, profile.parameters), Reason::RequireParameters),
    ];
    endpoint.unusable.or_else(|| checks.into_iter().find(|(fails, _)| *fails).map(|(_, reason)| reason))
}

fn lacks(endpoint: &Endpoint, wanted: ParameterSet) -> bool {
    endpoint.parameters.is_some_and(|takes| !takes.contains(wanted))
}

fn names_any(names: &[String], endpoint: &Endpoint) -> bool {
    names.iter().any(|name| is_named(name, endpoint))
}

/// Whether a routing slug means an endpoint: a provider's slug or name, the whole tag, or the tag's base.
pub(super) fn is_named(name: &str, endpoint: &Endpoint) -> bool {
    let attempt = &endpoint.attempt;
    let base = attempt.tag.split_once('/').map_or(attempt.tag.as_str(), |(base, _)| base);
    [attempt.tag.as_str(), base, attempt.provider.as_str(), attempt.provider_name.as_str()]
        .into_iter()
        .any(|own| own.eq_ignore_ascii_case(name))
}

fn has_quantization(wanted: &[String], endpoint: &Endpoint) -> bool {
    let own = endpoint.row.quantization.as_deref().unwrap_or("unknown");
    wanted.iter().any(|wanted| {
        wanted == own
            || match wanted.as_str() {
                "fp4" => matches!(own, "mxfp4" | "nvfp4"),
                "fp8" => own == "mxfp8",
                _ => false,
            }
    })
}

fn is_too_dear(wishes: &Preferences<'_>, endpoint: &Endpoint, minute: u16) -> bool {
    let Some(Offer { book, .. }) = endpoint.prices.at(minute) else { return false };
    let above = |class, cap: Option<u64>| {
        cap.is_some_and(|cap| u64::try_from(book.base.rate(class).picos()).is_ok_and(|rate| rate > cap))
    };
    let cap = wishes.max_price;
    above(Class::Input, cap.input)
        || above(Class::Output, cap.output)
        || above(Class::Request, cap.request)
        || above(Class::Image, cap.image)
}

/// Whether an endpoint keeps to a schema without taking one: its dialect then forces a tool of that shape, unless
/// the client offers tools itself.
fn answers_by_tool(request: &Request<'_>, names: &Parameters, endpoint: &Endpoint) -> bool {
    matches!(endpoint.attempt.dialect.as_str(), "anthropic" | "vertex" | "bedrock")
        && !request.profile.parameters.intersects(names.set(["tools"]))
        && endpoint.parameters.is_some_and(|takes| takes.contains(names.set(["tools", "tool_choice"])))
}

/// Where some endpoints of the model know a parameter and others do not, keeps those that do.
pub(super) fn soft<'a>(
    request: &Request<'a>,
    catalogue: &Catalogue,
    candidates: &mut Vec<usize>,
    exclusions: &mut Vec<Exclusion<'a>>,
) {
    let names = catalogue.parameters();
    let wishes = [
        (names.set(["tools"]), Reason::Tools),
        (names.set(["response_format", "structured_outputs"]), Reason::ResponseFormat),
        (names.set(["verbosity"]), Reason::Verbosity),
    ];
    for (parameter, reason) in wishes {
        if !request.profile.parameters.intersects(parameter) {
            continue;
        }
        let knows = |at: &usize| {
            catalogue.endpoints().get(*at).is_some_and(|endpoint| {
                endpoint.parameters.is_none_or(|takes| takes.intersects(parameter))
                    || reason == Reason::ResponseFormat && answers_by_tool(request, names, endpoint)
            })
        };
        if candidates.iter().any(knows) {
            candidates.retain(|at| {
                let keeps = knows(at);
                if !keeps {
                    exclusions.push(Exclusion { subject: Subject::Endpoint(*at), reason });
                }
                keeps
            });
        }
    }
}
