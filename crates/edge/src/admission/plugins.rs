//! The `plugins` of a request, and those that its workspace gives it: the settings of router models go to the router.

mod defaults;

use std::borrow::Cow;

use dialect::error::BadRequest;
use serde::Deserialize;
use serde_json::value::RawValue;

pub(crate) use defaults::{DefaultPlugins, check_defaults, wrong_defaults};

/// Plugins that are the settings of router models.
const OF_ROUTERS: [&str; 4] = ["auto-router", "auto-beta-router", "pareto-router", "cheapest-router"];
/// Plugins that are known and do nothing yet.
const OTHERS: [&str; 7] =
    ["web", "file-parser", "response-healing", "context-compression", "moderation", "web-fetch", "fusion"];
/// Bytes of the settings of router models at most: they travel to the router.
const LONGEST: usize = 64 * 1024;
/// Entries of a request at most.
const MOST: usize = 32;

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    enabled: Option<bool>,
}

/// The settings of router models that a request goes by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RouterPlugins {
    /// A JSON array of entries; empty when there are none.
    pub(crate) json: String,
    /// The ids of those entries that the request did not send.
    pub(crate) defaults: Vec<String>,
}

/// Those entries that are for the router. What was sent goes before `defaults`, except those that are final. An entry
/// that is switched off is none.
///
/// # Errors
/// [`BadRequest`] naming the entry that is wrong.
pub(crate) fn plugins(
    sent: Option<&RawValue>,
    defaults: &DefaultPlugins,
) -> Result<RouterPlugins, BadRequest> {
    let sent = sent.map_or_else(|| Ok(Vec::new()), of_routers)?;
    let mut kept = defaults.beside(&sent);
    kept.retain(|entry| entry.is_on && OF_ROUTERS.contains(&entry.id.as_ref()));
    let defaults = kept.iter().filter(|entry| entry.is_default).map(|entry| entry.id.clone().into_owned());
    Ok(RouterPlugins { json: array(&kept), defaults: defaults.collect() })
}

/// Entries as a JSON array; none as nothing.
fn array(entries: &[Plugin<'_>]) -> String {
    let all: Vec<&str> = entries.iter().map(|entry| entry.raw).collect();
    if all.is_empty() { String::new() } else { format!("[{}]", all.join(",")) }
}

/// One entry.
struct Plugin<'a> {
    id: Cow<'a, str>,
    is_on: bool,
    /// Whether the request did not send it.
    is_default: bool,
    raw: &'a str,
}

/// The entries for the router of what was sent, in their order.
fn of_routers(sent: &RawValue) -> Result<Vec<Plugin<'_>>, BadRequest> {
    let entries: Vec<&RawValue> = serde_json::from_str(sent.get())
        .map_err(|_| BadRequest::new("`plugins` must be an array of objects with `id`"))?;
    if entries.len() > MOST {
        return Err(BadRequest::new(format!("`plugins` must have at most {MOST} entries")));
    }
    let mut kept: Vec<Plugin<'_>> = Vec::new();
    for (index, raw) in entries.into_iter().enumerate() {
        let entry = entry(raw, index)?;
        let is_of_router = OF_ROUTERS.contains(&entry.id.as_ref());
        if !is_of_router && !OTHERS.contains(&entry.id.as_ref()) {
            let known = [OF_ROUTERS.as_slice(), OTHERS.as_slice()].concat().join(", ");
            return Err(BadRequest::new(format!("`plugins[{index}].id` must be one of {known}")));
        }
        if is_of_router {
            let is_on = entry.enabled != Some(false);
            kept.push(Plugin { id: entry.id, is_on, is_default: false, raw: raw.get() });
        }
    }
    if kept.iter().filter(|entry| entry.is_on).map(|entry| entry.raw.len()).sum::<usize>() > LONGEST {
        return Err(BadRequest::new(format!(
            "`plugins` for router models must be shorter than {LONGEST} bytes"
        )));
    }
    Ok(kept)
}

fn entry(raw: &RawValue, index: usize) -> Result<Entry<'_>, BadRequest> {
    // A derived reader takes an array of the members' values for an object, too.
    let read = raw.get().starts_with('{').then(|| serde_json::from_str(raw.get()));
    match read {
        Some(Ok(entry)) => Ok(entry),
        Some(Err(error)) => Err(BadRequest::new(format!("plugins[{index}]: {error}"))),
        None => Err(BadRequest::new(format!("`plugins[{index}]` must be an object"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<String, String> {
        let raw = RawValue::from_string(json.to_owned()).unwrap();
        let read = plugins(Some(&raw), &DefaultPlugins::default());
        read.map(|plugins| plugins.json).map_err(|refusal| refusal.message)
    }

    #[test]
    fn settings_of_router_models_go_on_as_they_came_and_the_rest_does_not() {
        assert_eq!(plugins(None, &DefaultPlugins::default()).unwrap(), RouterPlugins::default());
        assert_eq!(read("[]").unwrap(), "");
        assert_eq!(read(r#"[{"id":"web","max_results":3},{"id":"response-healing"}]"#).unwrap(), "");
        let auto = r#"{"id":"auto-router", "allowed_models":["a/*"]}"#;
        let pareto = r#"{"id":"pareto-router","enabled":true}"#;
        let sent = format!(r#"[{auto},{{"id":"web"}},{{"id":"auto-beta-router","enabled":false}},{pareto}]"#);
        assert_eq!(read(&sent).unwrap(), format!("[{auto},{pareto}]"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(read(r#"{"id":"web"}"#).unwrap_err().contains("must be an array"));
        assert_eq!(read(r#"[{"id":"web"},["web"]]"#).unwrap_err(), "`plugins[1]` must be an object");
        assert!(read(r#"[{"enabled":true}]"#).unwrap_err().contains("missing field `id`"));
        assert!(read(r#"[{"id":"web","enabled":"yes"}]"#).unwrap_err().starts_with("plugins[0]: "));
        assert!(
            read(r#"[{"id":"wbe"}]"#).unwrap_err().starts_with("`plugins[0].id` must be one of auto-router")
        );
        let many = format!("[{}]", vec![r#"{"id":"web"}"#; 33].join(","));
        assert!(read(&many).unwrap_err().contains("at most 32 entries"));
    }
}
