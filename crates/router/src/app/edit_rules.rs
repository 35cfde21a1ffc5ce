//! What every row must hold to, whoever wrote it and whatever else the catalogue says.

use chrono::NaiveDate;
use dialect::codec::DIALECTS;

use super::edit_row::refused;
use crate::Error;
use crate::catalogue::Tier;
use crate::store::rows;

const INPUTS: [&str; 5] = ["text", "image", "file", "audio", "video"];
const OUTPUTS: [&str; 8] =
    ["text", "image", "audio", "video", "embeddings", "rerank", "speech", "transcription"];
const QUANTIZATIONS: [&str; 12] =
    ["int4", "int8", "fp4", "mxfp4", "nvfp4", "fp6", "fp8", "mxfp8", "fp16", "bf16", "fp32", "unknown"];

/// # Errors
/// [`Error::Refused`] with the rule that the row breaks.
pub(super) fn check_provider(row: &rows::Provider, current: Option<&rows::Provider>) -> Result<(), Error> {
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    if row.slug.is_empty() || !row.slug.chars().all(valid) || row.slug.starts_with(['-', '.']) {
        return Err(refused("a provider's slug is made of a-z, 0-9, `-` and `.`"));
    }
    check_text("name", Some(&row.name))?;
    if current.is_none_or(|current| current.dialect != row.dialect) {
        check_word("dialect", &row.dialect, &DIALECTS)?;
    }
    for code in row.headquarters.iter() {
        check_country("headquarters", code)?;
    }
    for code in &row.datacenters {
        check_country("datacenters", code)?;
    }
    check_url("privacy_policy_url", row.privacy_policy_url.as_deref())?;
    check_url("terms_of_service_url", row.terms_of_service_url.as_deref())?;
    check_url("status_page_url", row.status_page_url.as_deref())
}

/// # Errors
/// [`Error::Refused`] with the rule that the row breaks.
pub(super) fn check_model(row: &rows::Model, current: Option<&rows::Model>) -> Result<(), Error> {
    // Neither ever changes.
    if current.is_none() {
        check_name(&row.slug)?;
        check_name(&row.canonical_slug)?;
    }
    check_text("name", Some(&row.name))?;
    check_text("tokenizer", Some(&row.tokenizer))?;
    check_text("hugging_face_id", row.hugging_face_id.as_deref())?;
    check_text("scores_source", row.scores_source.as_deref())?;
    check_count("created", row.created)?;
    check_size("context_length", Some(row.context_length))?;
    check_size("max_output", row.max_output)?;
    check_size("first_token_ms", row.first_token_ms.map(u64::from))?;
    check_modalities("input_modalities", &row.input_modalities, &INPUTS)?;
    check_modalities("output_modalities", &row.output_modalities, &OUTPUTS)?;
    check_parameters(&row.supported_parameters)?;
    check_date("knowledge_cutoff", row.knowledge_cutoff.as_deref())?;
    if row.default_parameters.as_ref().is_some_and(|value| !value.is_object()) {
        return Err(refused("`default_parameters` must be an object"));
    }
    let sound = |family: &str| {
        let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        family.chars().all(valid) && family.starts_with(|c: char| c.is_ascii_alphanumeric())
    };
    match row.family.as_deref() {
        Some(family) if !sound(family) => Err(refused("`family` is made of a-z, 0-9, `-` and `.`")),
        _ => Ok(()),
    }
}

/// # Errors
/// [`Error::Refused`] with the rule that the row breaks.
pub(super) fn check_endpoint(row: &rows::Endpoint, current: Option<&rows::Endpoint>) -> Result<(), Error> {
    check_text("provider_model", Some(&row.provider_model))?;
    if current.is_none() {
        check_tag(row)?;
    }
    check_tier(row)?;
    if let Some(dialect) = row.dialect.as_deref() {
        check_word("dialect", dialect, &DIALECTS)?;
    }
    if let Some(quantization) = row.quantization.as_deref() {
        check_word("quantization", quantization, &QUANTIZATIONS)?;
    }
    check_size("context_length", Some(row.context_length))?;
    check_size("max_output", row.max_output)?;
    check_parameters(row.supported_parameters.as_deref().unwrap_or_default())?;
    check_date("deprecation_date", row.deprecation_date.as_deref())?;
    match row.region.as_deref() {
        Some(region) if region.len() != 2 || !region.bytes().all(|byte| byte.is_ascii_lowercase()) => {
            Err(refused(format!("`region` must be two small letters, such as eu, and not `{region}`")))
        }
        _ => Ok(()),
    }
}

/// A tag is the provider's slug, or that with `/variant` behind it.
fn check_tag(row: &rows::Endpoint) -> Result<(), Error> {
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let sound = |part: &str| !part.is_empty() && part.chars().all(valid);
    let mut parts = row.tag.split('/');
    if parts.next() == Some(row.provider.as_str()) && parts.all(sound) {
        return Ok(());
    }
    Err(refused(format!(
        "`tag` must be `{0}`, or `{0}/variant` in a-z, 0-9, `-` and `.`, and not `{1}`",
        row.provider, row.tag
    )))
}

/// Base slugs never match the endpoints of a tier, so those must be told apart by their tags.
fn check_tier(row: &rows::Endpoint) -> Result<(), Error> {
    let tier = row.service_tier.as_deref();
    if let Some(tier) = tier {
        check_word("service_tier", tier, &[Tier::Flex.as_str(), Tier::Priority.as_str()])?;
    }
    let tagged = row.tag.split('/').skip(1).last().filter(|last| Tier::named(last).is_some());
    match (tier, tagged) {
        (Some(tier), tagged) if tagged != Some(tier) => Err(refused(format!(
            "an endpoint whose `service_tier` is `{tier}` has a `tag` that ends in `/{tier}`"
        ))),
        (None, Some(tagged)) => Err(refused(format!(
            "an endpoint whose `tag` ends in `/{tagged}` has the `service_tier` `{tagged}`"
        ))),
        _ => Ok(()),
    }
}

/// # Errors
/// [`Error::Refused`] unless it is `author/name`.
pub(super) fn check_name(name: &str) -> Result<(), Error> {
    let parts = name.split_once('/');
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '@' | '+' | '~');
    let sound = |part: &str| !part.is_empty() && part.chars().all(valid);
    // What begins with a tilde names a family.
    if !name.starts_with('~') && parts.is_some_and(|(author, slug)| sound(author) && sound(slug)) {
        Ok(())
    } else {
        // Quoted, so that what does not show is seen.
        Err(refused(format!(
            "`{}` is no model name: use author/name, each of ASCII letters, digits and -._:@+~",
            name.escape_debug()
        )))
    }
}

fn check_text(member: &str, text: Option<&str>) -> Result<(), Error> {
    match text {
        Some(text) if text.trim().is_empty() => Err(refused(format!("`{member}` cannot be empty"))),
        _ => Ok(()),
    }
}

/// Columns hold what a signed integer of 64 bits holds.
fn check_count(member: &str, count: u64) -> Result<(), Error> {
    i64::try_from(count).map(drop).map_err(|_| refused(format!("`{member}` is too large")))
}

fn check_size(member: &str, size: Option<u64>) -> Result<(), Error> {
    match size {
        Some(0) => Err(refused(format!("`{member}` must be more than 0"))),
        // Token counts and milliseconds alike stay far below.
        Some(size) if size > u64::from(u32::MAX >> 1) => Err(refused(format!("`{member}` is too large"))),
        _ => Ok(()),
    }
}

fn check_word(member: &str, word: &str, known: &[&str]) -> Result<(), Error> {
    if known.contains(&word) {
        return Ok(());
    }
    Err(refused(format!("`{member}` must be one of {}, and not `{word}`", known.join(", "))))
}

fn check_modalities(member: &str, modalities: &[String], known: &[&str]) -> Result<(), Error> {
    if modalities.is_empty() {
        return Err(refused(format!("`{member}` must name at least one kind of content")));
    }
    modalities.iter().try_for_each(|modality| check_word(member, modality, known))
}

fn check_parameters(parameters: &[String]) -> Result<(), Error> {
    let sound = |name: &str| !name.is_empty() && !name.contains(|c: char| c.is_whitespace());
    match parameters.iter().find(|name| !sound(name)) {
        Some(name) => Err(refused(format!("`supported_parameters` cannot hold `{name}`"))),
        None => Ok(()),
    }
}

fn check_country(member: &str, code: &str) -> Result<(), Error> {
    if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(refused(format!("`{member}` takes country codes of two capital letters, and not `{code}`")))
}

fn check_url(member: &str, text: Option<&str>) -> Result<(), Error> {
    let Some(text) = text else { return Ok(()) };
    let is_web = |url: &url::Url| matches!(url.scheme(), "http" | "https") && url.host().is_some();
    if url::Url::parse(text).is_ok_and(|url| is_web(&url)) {
        return Ok(());
    }
    Err(refused(format!("`{member}` must be an http or https URL")))
}

fn check_date(member: &str, text: Option<&str>) -> Result<(), Error> {
    let Some(text) = text else { return Ok(()) };
    // The parser would take fewer digits.
    if text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok() {
        return Ok(());
    }
    Err(refused(format!("`{member}` must be a date as YYYY-MM-DD, and not `{text}`")))
}
