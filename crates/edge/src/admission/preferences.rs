//! The `provider` member of a request, read into what the router is told.

use dialect::error::BadRequest;
use rpc::router::ProviderPreferences;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    order: Option<Vec<String>>,
    only: Option<Vec<String>>,
    ignore: Option<Vec<String>>,
    allow_fallbacks: Option<bool>,
    sort: Option<Sort>,
    require_parameters: Option<bool>,
    quantizations: Option<Vec<String>>,
    data_collection: Option<DataCollection>,
    zdr: Option<bool>,
    // Read by the router from the JSON that goes with them.
    #[serde(rename = "max_price")]
    _max_price: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(rename = "preferred_min_throughput")]
    _preferred_min_throughput: Option<serde_json::Value>,
    #[serde(rename = "preferred_max_latency")]
    _preferred_max_latency: Option<serde_json::Value>,
    #[serde(rename = "enforce_distillable_text")]
    _enforce_distillable_text: Option<bool>,
    // Read by the dialects of images and audio: what goes to which provider beside the common members.
    #[serde(rename = "options")]
    _options: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SortBy {
    Price,
    Throughput,
    Latency,
    Exacto,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Sort {
    By(SortBy),
    Config { by: Option<SortBy> },
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DataCollection {
    Allow,
    Deny,
}

/// Reads the preferences of a request.
///
/// # Errors
/// [`BadRequest`] naming what is wrong.
pub(crate) fn preferences(sent: Option<&RawValue>) -> Result<ProviderPreferences, BadRequest> {
    let Some(json) = sent.map(RawValue::get).filter(|json| *json != "null") else {
        return Ok(ProviderPreferences::default());
    };
    let reader = &mut serde_json::Deserializer::from_str(json);
    let sent: Sent = serde_path_to_error::deserialize(reader).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." => String::new(),
            path => format!(".{path}"),
        };
        BadRequest::new(format!("provider{path}: {}", error.inner()))
    })?;
    let sort = match sent.sort {
        Some(Sort::By(by)) => Some(by),
        Some(Sort::Config { by }) => by,
        None => None,
    };
    Ok(ProviderPreferences {
        order: sent.order.unwrap_or_default(),
        only: sent.only.unwrap_or_default(),
        ignore: sent.ignore.unwrap_or_default(),
        allow_fallbacks: sent.allow_fallbacks,
        sort: match sort {
            Some(SortBy::Price) => "price",
            Some(SortBy::Throughput) => "throughput",
            Some(SortBy::Latency) => "latency",
            // Nothing is known of tool quality yet: the default order.
            Some(SortBy::Exacto) | None => "",
        }
        .to_owned(),
        require_parameters: sent.require_parameters.unwrap_or_default(),
        quantizations: sent.quantizations.unwrap_or_default(),
        data_collection: match sent.data_collection {
            Some(DataCollection::Deny) => "deny".to_owned(),
            Some(DataCollection::Allow) | None => String::new(),
        },
        zdr: sent.zdr.unwrap_or_default(),
        json: json.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<ProviderPreferences, BadRequest> {
        preferences(Some(&RawValue::from_string(json.to_owned()).unwrap()))
    }

    #[test]
    fn reads_what_clients_send_and_names_what_is_wrong() {
        let read_back =
            read(r#"{"order":["groq"],"allow_fallbacks":false,"sort":{"by":"price","partition":"none"}}"#);
        let read_back = read_back.unwrap();
        assert_eq!(
            (read_back.order.as_slice(), read_back.allow_fallbacks),
            (["groq".to_owned()].as_slice(), Some(false))
        );
        assert_eq!(read_back.sort, "price");
        assert_eq!(read("null").unwrap(), ProviderPreferences::default());
        assert_eq!(read(r#"{"sort":"latency","zdr":null}"#).unwrap().sort, "latency");
        let wrong = read(r#"{"ordre":["groq"]}"#).unwrap_err();
        assert!(wrong.message.contains("ordre"), "{wrong}");
        assert!(read(r#"{"order":"groq"}"#).is_err());
        assert!(read(r#"{"data_collection":"never"}"#).is_err());
        assert!(read("[]").is_err());
    }
}
