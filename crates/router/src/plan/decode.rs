//! A request on the wire as the choice reads it.

use dialect::canonical::Operation;
use rpc::router::{OwnCredential, PlanRequest};
use rpc::{Fault, Markups};
use uuid::Uuid;

use crate::catalogue::{Catalogue, Modalities};
use crate::choose::{
    AccountPolicy, BadPlugin, Held, Own, Plugins, Preferences, Profile, Request, Task, TierWish,
};

/// Reads a request, and what is wrong with default plugins that are left out of it. `held` is what is remembered of its
/// conversation.
///
/// # Errors
/// [`Fault`] for what means nothing.
pub(super) fn request<'a>(
    sent: &'a PlanRequest,
    catalogue: &Catalogue,
    held: Option<Held>,
) -> Result<(Request<'a>, Vec<BadPlugin>), Fault> {
    let preferences = match &sent.provider {
        None => Preferences { allow_fallbacks: true, ..Preferences::default() },
        Some(wishes) => Preferences::read(wishes).map_err(|bad| Fault::invalid(bad.to_string()))?,
    };
    let plugins = Plugins::read_with(&sent.plugins_json, &sent.default_plugins);
    let (plugins, left_out) = plugins.map_err(|bad| Fault::invalid(bad.to_string()))?;
    let request = Request {
        models: &sent.models,
        preferences,
        profile: profile(sent, catalogue),
        tier: TierWish::named(&sent.service_tier),
        region: Some(sent.region.as_str()).filter(|region| !region.is_empty()),
        plugins,
        task: sent.profile.as_ref().map_or(Task::default(), |profile| Task::named(&profile.task)),
        last_model: sent.profile.as_ref().map(|profile| profile.last_model.as_str()),
        policy: sent.policy.as_ref().map_or_else(AccountPolicy::default, AccountPolicy::of),
        markups: Markups::new(sent.markup_basis_points, &sent.markup_overrides),
        own: sent.own.iter().map(own).collect::<Result<_, _>>()?,
        held,
        explain: sent.explain,
    };
    Ok((request, left_out))
}

fn profile(sent: &PlanRequest, catalogue: &Catalogue) -> Profile {
    sent.profile.as_ref().map_or_else(Profile::default, |profile| Profile {
        body_bytes: profile.body_bytes,
        messages: profile.messages,
        inputs: Modalities::of(profile.input_modalities.iter().map(String::as_str)),
        outputs: Modalities::of(profile.output_modalities.iter().map(String::as_str)),
        parameters: catalogue.parameters().set(profile.parameters.iter().map(String::as_str)),
        max_tokens: profile.max_tokens,
        // An edge that names none is of the time when there was none other.
        operation: Operation::named(&profile.operation).unwrap_or(Operation::Chat),
    })
}

fn own(sent: &OwnCredential) -> Result<Own<'_>, Fault> {
    let credential: Uuid = sent
        .credential_id
        .parse()
        .map_err(|_| Fault::invalid(format!("`{}` is no id of a credential", sent.credential_id)))?;
    Ok(Own {
        credential,
        provider: &sent.provider,
        is_fallback: sent.is_fallback,
        is_exclusive: sent.is_exclusive,
        is_provider_exclusive: sent.is_provider_exclusive,
        declared_zero_data_retention: sent.declared_zdr,
        declared_region: Some(sent.declared_region.as_str()).filter(|region| !region.is_empty()),
        models: &sent.models,
    })
}
