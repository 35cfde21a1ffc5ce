//! The `provider` member of a request, read into what the router is told.

mod numbers;

use dialect::error::BadRequest;
use rpc::router::ProviderPreferences;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

const SORTS: [&str; 4] = ["price", "throughput", "latency", "exacto"];
const PARTITIONS: [&str; 2] = ["model", "none"];
const QUANTIZATIONS: [&str; 12] =
    ["int4", "int8", "fp4", "mxfp4", "nvfp4", "fp6", "fp8", "mxfp8", "fp16", "bf16", "fp32", "unknown"];

/// Bytes of the member, and names in one of its lists, at most: both travel to the router.
const LONGEST: usize = 64 * 1024;
const MOST_NAMES: usize = 256;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    order: Option<Vec<String>>,
    only: Option<Vec<String>>,
    ignore: Option<Vec<String>>,
    allow_fallbacks: Option<bool>,
    sort: Option<Value>,
    require_parameters: Option<bool>,
    quantizations: Option<Vec<String>>,
    data_collection: Option<DataCollection>,
    zdr: Option<bool>,
    // These the router reads from the JSON that goes with them.
    max_price: Option<Value>,
    preferred_min_throughput: Option<Value>,
    preferred_max_latency: Option<Value>,
    #[serde(rename = "enforce_distillable_text")]
    _enforce_distillable_text: Option<bool>,
    // Read by the dialects of images and audio: what goes to which provider beside the common members.
    #[serde(rename = "options")]
    _options: Option<Map<String, Value>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DataCollection {
    Allow,
    Deny,
}

/// Reads the preferences of a request. `partition` is what the deprecated `route` asks for, which
/// `sort.partition` overrides.
///
/// # Errors
/// [`BadRequest`] naming what is wrong.
pub(crate) fn preferences(
    sent: Option<&RawValue>,
    partition: Option<&str>,
) -> Result<ProviderPreferences, BadRequest> {
    let json = sent.map(RawValue::get).filter(|json| *json != "null");
    // Across models is the one partition that is not usual.
    let across = partition == Some("none");
    let Some(json) = json else {
        let json = if across { across_models("{}") } else { String::new() };
        return Ok(ProviderPreferences { json, ..ProviderPreferences::default() });
    };
    if json.len() > LONGEST {
        return Err(BadRequest::new(format!("`provider` must be shorter than {LONGEST} bytes")));
    }
    let reader = &mut serde_json::Deserializer::from_str(json);
    let sent: Sent = serde_path_to_error::deserialize(reader).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." => String::new(),
            path => format!(".{path}"),
        };
        BadRequest::new(format!("provider{path}: {}", error.inner()))
    })?;
    for (member, names) in [("order", &sent.order), ("only", &sent.only), ("ignore", &sent.ignore)] {
        if names.as_ref().is_some_and(|names| names.len() > MOST_NAMES) {
            return Err(must(member, &format!("have at most {MOST_NAMES} entries")));
        }
    }
    numbers::max_price(sent.max_price.as_ref())?;
    numbers::threshold("preferred_min_throughput", sent.preferred_min_throughput.as_ref())?;
    numbers::threshold("preferred_max_latency", sent.preferred_max_latency.as_ref())?;
    Ok(ProviderPreferences {
        order: sent.order.unwrap_or_default(),
        only: sent.only.unwrap_or_default(),
        ignore: sent.ignore.unwrap_or_default(),
        allow_fallbacks: sent.allow_fallbacks,
        sort: sort(sent.sort.as_ref())?,
        require_parameters: sent.require_parameters.unwrap_or_default(),
        quantizations: quantizations(sent.quantizations.unwrap_or_default())?,
        data_collection: match sent.data_collection {
            Some(DataCollection::Deny) => "deny".to_owned(),
            Some(DataCollection::Allow) | None => String::new(),
        },
        zdr: sent.zdr.unwrap_or_default(),
        json: if across { across_models(json) } else { json.to_owned() },
        // No request's to say.
        default_sort: String::new(),
    })
}

/// A refusal that says what a member must be.
fn must(member: &str, be: &str) -> BadRequest {
    BadRequest::new(format!("`provider.{member}` must {be}"))
}

/// A word, or an object of `by` and `partition`. What is sorted by; empty = the default order.
fn sort(sent: Option<&Value>) -> Result<String, BadRequest> {
    let by = match sent {
        None | Some(Value::Null) => return Ok(String::new()),
        Some(word @ Value::String(_)) => word,
        Some(Value::Object(members)) => {
            if let Some((unknown, _)) = members.iter().find(|(name, _)| *name != "by" && *name != "partition")
            {
                return Err(must(
                    "sort",
                    &format!("have `by` and `partition` and nothing else, not `{unknown}`"),
                ));
            }
            one_of("sort.partition", members.get("partition").unwrap_or(&Value::Null), &PARTITIONS)?;
            members.get("by").unwrap_or(&Value::Null)
        }
        Some(_) => return Err(must("sort", "be a word, or an object with `by` and `partition`")),
    };
    one_of("sort", by, &SORTS).map(|word| word.unwrap_or_default().to_owned())
}

/// A word of those that there are; `None` = null.
fn one_of<'v>(member: &str, value: &'v Value, words: &[&str]) -> Result<Option<&'v str>, BadRequest> {
    match value {
        Value::Null => Ok(None),
        Value::String(word) if words.contains(&word.as_str()) => Ok(Some(word)),
        _ => Err(must(member, &format!("be one of {}", words.join(", ")))),
    }
}

fn quantizations(sent: Vec<String>) -> Result<Vec<String>, BadRequest> {
    match sent.iter().position(|word| !QUANTIZATIONS.contains(&word.as_str())) {
        None => Ok(sent),
        Some(index) => {
            let words = QUANTIZATIONS.join(", ");
            Err(must(&format!("quantizations[{index}]"), &format!("be one of {words}")))
        }
    }
}

/// The same preferences with a sort across models, unless they say how it is to be partitioned.
fn across_models(json: &str) -> String {
    let mut members: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
    let mut sort = match members.remove("sort") {
        Some(Value::Object(sort)) => sort,
        Some(by @ Value::String(_)) => Map::from_iter([("by".to_owned(), by)]),
        _ => Map::new(),
    };
    if sort.get("partition").is_none_or(Value::is_null) {
        sort.insert("partition".to_owned(), "none".into());
    }
    members.insert("sort".to_owned(), Value::Object(sort));
    Value::Object(members).to_string()
}

#[cfg(test)]
mod tests;
