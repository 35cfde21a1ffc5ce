//! What may be set of workspaces and organisations: read, checked, and put in its place.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::bad;
use crate::admission;
use crate::http::body::sent;
use crate::http::reply::Refusal;
use crate::service::App;
use crate::store::workspaces::Workspace;
use crate::text;

const SORTS: [&str; 4] = ["price", "throughput", "latency", "exacto"];
/// Bytes of a model's name, and characters of a workspace's and of a description.
const LONGEST_MODEL: usize = 256;
const LONGEST_NAME: usize = 100;
const LONGEST_DESCRIPTION: usize = 500;
/// What the names of the platform's own tools begin with.
const SERVER_TOOL: &str = "openrouter:";
/// Tools, and ids of keys, in one list.
const MOST_TOOLS: usize = 64;
const MOST_KEYS: usize = 1_000;
/// Shares of requests that may be kept.
const SAMPLING: std::ops::RangeInclusive<f64> = 0.0001..=1.0;

/// What requests get that leave it open. Null = nothing.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
pub(super) struct Defaults {
    /// The model of conversations and text completions.
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(super) default_text_model: Option<Option<String>>,
    /// The model that makes images.
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(super) default_image_model: Option<Option<String>>,
    /// `price`, `throughput`, `latency` or `exacto`.
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(super) default_provider_sort: Option<Option<String>>,
    /// Entries as in a request's `plugins`, each plugin once. An addition of this platform.
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub(super) default_plugins: Option<Option<Vec<Value>>>,
    /// Whether these are final: nobody below replaces or disables them. An addition of this platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prevent_plugin_overrides: Option<bool>,
}

impl Defaults {
    /// The plugins that were sent, as they are stored; no entries are none.
    pub(super) fn plugins(&self) -> Option<Option<Value>> {
        let sent = self.default_plugins.as_ref()?;
        Some(sent.clone().filter(|entries| !entries.is_empty()).map(Value::Array))
    }

    /// # Errors
    /// A [`Refusal`] that names the member that is wrong.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        check_model("default_text_model", self.default_text_model.as_ref())?;
        check_model("default_image_model", self.default_image_model.as_ref())?;
        let sort = self.default_provider_sort.iter().flatten();
        if sort.into_iter().any(|sort| !SORTS.contains(&sort.as_str())) {
            return Err(bad(format!("default_provider_sort: use one of {}", SORTS.join(", "))));
        }
        Ok(())
    }

    /// Has the plugins that were sent read as requests would have them read.
    ///
    /// # Errors
    /// A [`Refusal`] that names the entry or the member that is wrong.
    pub(super) async fn check_plugins(&self, app: &App) -> Result<(), Refusal> {
        match self.default_plugins.iter().flatten().next() {
            Some(entries) => admission::check_defaults(app, entries).await,
            None => Ok(()),
        }
    }
}

/// Whether a model is there is for requests to find out: the catalogue changes.
fn check_model(member: &str, sent: Option<&Option<String>>) -> Result<(), Refusal> {
    let Some(Some(name)) = sent else { return Ok(()) };
    let is_name = (1..=LONGEST_MODEL).contains(&name.len())
        && !name.contains(|symbol: char| symbol.is_whitespace() || symbol.is_control())
        && !name.contains("@preset/");
    if is_name {
        return Ok(());
    }
    Err(bad(format!(
        "{member}: use the name of a model, such as author/model, of at most {LONGEST_MODEL} bytes"
    )))
}

/// What may be set of a workspace beside its name.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
pub(super) struct Settings {
    /// At most 500 characters.
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    description: Option<Option<String>>,
    #[serde(flatten)]
    defaults: Defaults,
    /// Tools of the platform, such as `openrouter:web_search`, that requests may not name. Null = none.
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    disabled_server_tools: Option<Option<Vec<String>>>,
    /// Null = of all keys.
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<i64>>)]
    io_logging_api_key_ids: Option<Option<Vec<i64>>>,
    /// 0.0001 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    io_logging_sampling_rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_observability_io_logging_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_observability_broadcast_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_data_discount_logging_enabled: Option<bool>,
}

impl Settings {
    /// # Errors
    /// As [`Defaults::check_plugins`].
    pub(super) async fn check_plugins(&self, app: &App) -> Result<(), Refusal> {
        self.defaults.check_plugins(app).await
    }

    /// Puts what was sent in its place.
    ///
    /// # Errors
    /// A [`Refusal`] that names the member that is wrong.
    pub(super) fn apply(&self, to: &mut Workspace) -> Result<(), Refusal> {
        self.check()?;
        let Self { defaults, .. } = self;
        put(&mut to.description, self.description.as_ref());
        put(&mut to.default_text_model, defaults.default_text_model.as_ref());
        put(&mut to.default_image_model, defaults.default_image_model.as_ref());
        put(&mut to.default_provider_sort, defaults.default_provider_sort.as_ref());
        put(&mut to.default_plugins, defaults.plugins().as_ref());
        put(&mut to.are_plugins_final, defaults.prevent_plugin_overrides.as_ref());
        if let Some(tools) = &self.disabled_server_tools {
            to.disabled_server_tools = tools.clone().unwrap_or_default();
            to.disabled_server_tools.sort();
            to.disabled_server_tools.dedup();
        }
        put(&mut to.io_logging_api_key_ids, self.io_logging_api_key_ids.as_ref());
        put(&mut to.io_logging_sampling_rate, self.io_logging_sampling_rate.as_ref());
        put(&mut to.is_io_logged, self.is_observability_io_logging_enabled.as_ref());
        put(&mut to.is_broadcast, self.is_observability_broadcast_enabled.as_ref());
        put(&mut to.is_data_discount_logged, self.is_data_discount_logging_enabled.as_ref());
        Ok(())
    }

    fn check(&self) -> Result<(), Refusal> {
        self.defaults.check()?;
        if let Some(Some(description)) = &self.description {
            text::note("description", description, LONGEST_DESCRIPTION)?;
        }
        let tools = self.disabled_server_tools.iter().flatten();
        if tools.into_iter().any(|tools| tools.len() > MOST_TOOLS || !tools.iter().all(|tool| is_tool(tool)))
        {
            return Err(bad(format!(
                "disabled_server_tools: use at most {MOST_TOOLS} names such as openrouter:web_search"
            )));
        }
        let keys = self.io_logging_api_key_ids.iter().flatten();
        if keys.into_iter().any(|keys| keys.len() > MOST_KEYS) {
            return Err(bad(format!("io_logging_api_key_ids: use at most {MOST_KEYS} ids")));
        }
        if self.io_logging_sampling_rate.is_some_and(|rate| !SAMPLING.contains(&rate)) {
            return Err(bad("io_logging_sampling_rate: use a share from 0.0001 to 1"));
        }
        Ok(())
    }
}

/// Says of each kept list of default plugins why requests go without some of it; nothing where the router cannot be
/// asked.
pub(super) async fn note_broken<'a>(
    app: &App,
    kept: impl Iterator<Item = (Option<&'a Value>, &'a mut Option<String>)>,
) {
    let kept = kept.filter_map(|(entries, note)| Some((entries?.as_array()?.as_slice(), note)));
    let (lists, notes): (Vec<_>, Vec<_>) = kept.unzip();
    match admission::wrong_defaults(app, &lists).await {
        Ok(wrong) => notes.into_iter().zip(wrong).for_each(|(note, wrong)| *note = wrong),
        Err(status) => tracing::warn!(error = %status, "default plugins cannot be checked"),
    }
}

/// Puts a value in its place that was sent.
pub(super) fn put<T: Clone>(place: &mut T, sent: Option<&T>) {
    if let Some(sent) = sent {
        place.clone_from(sent);
    }
}

fn is_tool(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.strip_prefix(SERVER_TOOL)
        .is_some_and(|tool| (1..=64).contains(&tool.len()) && tool.bytes().all(is_allowed))
}

/// # Errors
/// A [`Refusal`] when a workspace cannot have this name.
pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    Ok(text::line("name", name, LONGEST_NAME)?)
}

/// # Errors
/// A [`Refusal`] when a workspace cannot have this slug.
pub(super) fn check_slug(slug: &str) -> Result<(), Refusal> {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    // A path names workspaces by either: what reads as an id is one.
    if slug.len() <= 50 && slug.split('-').all(is_word) && slug.parse::<Uuid>().is_err() {
        return Ok(());
    }
    Err(bad("slug: use 1 to 50 of a-z, 0-9 and single hyphens between them, and no id"))
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn changed(sent: serde_json::Value) -> Option<Workspace> {
        let mut workspace = Workspace::new("a".to_owned(), "A".to_owned(), None);
        workspace.description = Some("before".to_owned());
        workspace.default_text_model = Some("a/before".to_owned());
        from_value::<Settings>(sent).unwrap().apply(&mut workspace).ok().map(|()| workspace)
    }

    #[test]
    fn what_is_not_sent_stays_and_null_clears() {
        let same = changed(json!({})).unwrap();
        assert_eq!(same.description.as_deref(), Some("before"));
        let other = changed(json!({ "description": null, "default_text_model": "a/after",
                                    "is_observability_broadcast_enabled": true, "io_logging_sampling_rate": 1,
                                    "disabled_server_tools": ["openrouter:bash", "openrouter:bash"] }))
        .unwrap();
        assert_eq!((other.description, other.default_text_model.as_deref()), (None, Some("a/after")));
        assert!(other.is_broadcast && !other.is_io_logged);
        assert_eq!(other.disabled_server_tools, ["openrouter:bash"]);
    }

    #[test]
    fn what_cannot_be_set_is_refused() {
        for wrong in [
            json!({ "default_text_model": "" }),
            json!({ "default_text_model": "@preset/x" }),
            json!({ "default_image_model": "a b" }),
            json!({ "default_provider_sort": "cheap" }),
            json!({ "description": "x".repeat(501) }),
            json!({ "disabled_server_tools": ["web_search"] }),
            json!({ "io_logging_sampling_rate": 0 }),
            json!({ "io_logging_sampling_rate": 1.5 }),
        ] {
            assert!(changed(wrong.clone()).is_none(), "{wrong}");
        }
    }

    #[test]
    fn slugs_are_words_between_single_hyphens() {
        for slug in ["a", "a-b", "0", "team-2-west"] {
            assert!(check_slug(slug).is_ok(), "{slug}");
        }
        let id = Uuid::from_u128(7).to_string();
        for slug in ["", "-", "a-", "-a", "a--b", "A", "a_b", "a b", id.as_str(), "x".repeat(51).as_str()] {
            assert!(check_slug(slug).is_err(), "{slug}");
        }
    }
}
