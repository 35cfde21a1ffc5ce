//! Plugins that requests get which do not name them.

use std::borrow::Cow;

use dialect::error::BadRequest;
use rpc::router::CheckPluginsRequest;
use rpc::router::router_client::RouterClient;
use serde_json::Value;

use super::{Plugin, array, of_routers};
use crate::http::reply::{Refusal, UserFacing as _};
use crate::service::App;

/// Bytes of all defaults of a workspace, or of an organisation, at most: each request carries them.
const LONGEST: usize = 16 * 1024;

/// A plugin that is given.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Given {
    id: String,
    is_on: bool,
    raw: String,
    /// Whether a request's own entry counts for nothing.
    is_final: bool,
}

/// What a key's requests get, one entry for each plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DefaultPlugins(Vec<Given>);

impl DefaultPlugins {
    /// Those of a workspace, and for plugins that it says nothing of those of its organisation; each with whether
    /// they are final. What is final of the organisation no workspace replaces.
    pub(crate) fn of(workspace: (Option<&Value>, bool), organisation: (Option<&Value>, bool)) -> Self {
        let mut all = given(organisation);
        for entry in given(workspace) {
            match all.iter_mut().find(|known| known.id == entry.id) {
                Some(known) if !known.is_final => *known = entry,
                Some(_) => {}
                None => all.push(entry),
            }
        }
        Self(all)
    }

    /// What a request gets that sent these entries: the final ones in their place, the others where it has none.
    pub(super) fn beside<'a>(&'a self, sent: &'a [Plugin<'a>]) -> Vec<Plugin<'a>> {
        let is_final = |id: &str| self.0.iter().any(|given| given.is_final && given.id == id);
        let own = sent.iter().filter(|entry| !is_final(&entry.id));
        let own = own.map(|entry| Plugin { id: Cow::Borrowed(&entry.id), ..*entry });
        let added = self.0.iter().filter(|given| given.is_final || sent.iter().all(|one| one.id != given.id));
        let added = added.map(|given| Plugin {
            id: Cow::Borrowed(&given.id),
            is_on: given.is_on,
            is_default: true,
            raw: &given.raw,
        });
        own.chain(added).collect()
    }
}

/// The entries that were stored. They were checked then, by the rules of then: what cannot be read any more is left
/// out, here or by the router.
fn given((entries, is_final): (Option<&Value>, bool)) -> Vec<Given> {
    let read = |entry: &Value| {
        let id = entry.get("id")?.as_str()?.to_owned();
        let is_on = entry.get("enabled").and_then(Value::as_bool) != Some(false);
        Some(Given { id, is_on, raw: entry.to_string(), is_final })
    };
    entries.and_then(Value::as_array).into_iter().flatten().filter_map(read).collect()
}

/// Whether these may be given to requests: entries as in a request's `plugins`, each plugin once, with settings that the
/// router can read.
///
/// # Errors
/// A [`Refusal`] naming the entry or the member that is wrong, and where the router cannot be asked.
pub(crate) async fn check_defaults(app: &App, entries: &[Value]) -> Result<(), Refusal> {
    let wrong = wrong_defaults(app, &[entries]).await?.into_iter().flatten().next();
    wrong.map_or(Ok(()), |wrong| Err(BadRequest::new(format!("default_plugins: {wrong}")).refusal()))
}

/// What is wrong with each of these lists, read as requests have them read.
///
/// # Errors
/// What the router answers that cannot be asked.
pub(crate) async fn wrong_defaults(
    app: &App,
    lists: &[&[Value]],
) -> Result<Vec<Option<String>>, tonic::Status> {
    let read: Vec<Result<String, BadRequest>> = lists.iter().map(|entries| read(entries)).collect();
    let plugins_json: Vec<String> = read.iter().flatten().filter(|json| !json.is_empty()).cloned().collect();
    let mut wrong = Vec::new();
    if !plugins_json.is_empty() {
        let answer = rpc::retry(3, || {
            let mut router = RouterClient::new(app.router.clone());
            let message = CheckPluginsRequest { plugins_json: plugins_json.clone() };
            async move { router.check_plugins(message).await }
        });
        wrong = answer.await?.into_inner().wrong;
    }
    let mut wrong = wrong.into_iter();
    let said = read.into_iter().map(|read| match read {
        Err(wrong) => Some(wrong.message),
        Ok(json) if json.is_empty() => None,
        Ok(_) => wrong.next().filter(|wrong| !wrong.is_empty()),
    });
    Ok(said.collect())
}

/// What the router would read of a list, as JSON; empty = nothing.
///
/// # Errors
/// [`BadRequest`] naming the entry that is wrong.
fn read(entries: &[Value]) -> Result<String, BadRequest> {
    let raw = serde_json::value::to_raw_value(entries).map_err(|error| BadRequest::new(error.to_string()))?;
    let kept = of_routers(&raw)?;
    if raw.get().len() > LONGEST {
        return Err(BadRequest::new(format!("`plugins` must be shorter than {LONGEST} bytes")));
    }
    let id = |entry: &Value| entry.get("id").and_then(Value::as_str).map(str::to_owned);
    let twice = entries
        .iter()
        .enumerate()
        .find(|(index, one)| entries[..*index].iter().any(|other| id(other) == id(one)));
    match twice {
        None => Ok(array(&kept)),
        Some((index, _)) => Err(BadRequest::new(format!("`plugins[{index}]` is there twice"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, value::RawValue};

    use super::super::plugins;
    use super::*;

    fn asked(sent: &str, defaults: &DefaultPlugins) -> Value {
        let raw = RawValue::from_string(sent.to_owned()).unwrap();
        let kept = plugins(Some(&raw), defaults).unwrap().json;
        if kept.is_empty() { json!([]) } else { serde_json::from_str(&kept).unwrap() }
    }

    #[test]
    fn a_request_goes_before_its_workspace_and_that_before_the_organisation() {
        let account = json!([{"id": "auto-router", "n": 1}, {"id": "pareto-router", "n": 1}, {"id": "web"}]);
        let own = json!([{"id": "auto-router", "n": 2}]);
        let defaults = DefaultPlugins::of((Some(&own), false), (Some(&account), false));
        let both = json!([{"id": "auto-router", "n": 2}, {"id": "pareto-router", "n": 1}]);
        assert_eq!(asked("[]", &defaults), both);
        let sent = r#"[{"id":"pareto-router","n":3},{"id":"auto-router","enabled":false}]"#;
        assert_eq!(asked(sent, &defaults), json!([{"id": "pareto-router", "n": 3}]));
        assert_eq!(plugins(None, &DefaultPlugins::of((None, true), (None, false))).unwrap().json, "");
        let sent = RawValue::from_string(r#"[{"id":"pareto-router"}]"#.to_owned()).unwrap();
        assert_eq!(plugins(Some(&sent), &defaults).unwrap().defaults, ["auto-router"]);
    }

    #[test]
    fn what_is_final_is_replaced_by_nobody_below() {
        let (account, own) = (json!([{"id": "auto-router", "n": 1}]), json!([{"id": "auto-router", "n": 2}]));
        let sent =
            r#"[{"id":"auto-router","n":3},{"id":"auto-router","enabled":false},{"id":"pareto-router"}]"#;
        let of_workspace = DefaultPlugins::of((Some(&own), true), (Some(&account), false));
        assert_eq!(
            asked(sent, &of_workspace),
            json!([{"id": "pareto-router"}, {"id": "auto-router", "n": 2}])
        );
        let of_account = DefaultPlugins::of((Some(&own), false), (Some(&account), true));
        assert_eq!(asked(sent, &of_account), json!([{"id": "pareto-router"}, {"id": "auto-router", "n": 1}]));
        let off = json!([{"id": "auto-router", "enabled": false}]);
        let off = DefaultPlugins::of((Some(&off), true), (None, false));
        assert_eq!(asked(sent, &off), json!([{"id": "pareto-router"}]));
    }

    #[test]
    fn what_cannot_be_given_is_named() {
        let wrong = |entries: Value| read(entries.as_array().unwrap()).unwrap_err().message;
        assert!(wrong(json!([{"id": "wbe"}])).starts_with("`plugins[0].id` must be one of"));
        assert_eq!(wrong(json!([{"id": "web"}, {"id": "web"}])), "`plugins[1]` is there twice");
        let long = json!([{"id": "web", "search_prompt": "x".repeat(LONGEST)}]);
        assert!(wrong(long).contains("shorter than"));
        let good = [json!({"id": "web"}), json!({"id": "auto-router"})];
        assert_eq!(read(&good).unwrap(), r#"[{"id":"auto-router"}]"#);
    }
}
