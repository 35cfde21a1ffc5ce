//! A request's body with what it leaves open filled in: its own members go before those of the preset, each as
//! a whole; only tools are united. Where both name no model, the workspace's default is named.

use bytes::Bytes;
use dialect::client::Dialect;
use dialect::error::BadRequest;
use serde_json::Value;

use super::cache::Preset;
use super::members::Members;
use super::named::Named;
use super::{chat, defaults, messages, responses, shared, system, tools};
use crate::store::workspaces::Defaults;

/// # Errors
/// [`BadRequest`] when the body is no object or its models cannot do without the preset's name.
pub(super) fn merge(
    dialect: Dialect,
    named: &Named,
    (preset, defaults): (&Preset, &Defaults),
    body: &[u8],
) -> Result<Bytes, BadRequest> {
    let mut members = Members::of(body)?;
    named.take_out(&mut members)?;
    let has = |name: &str| members.has(name);
    let open = match dialect {
        Dialect::Responses => responses::members(&preset.config, &has),
        Dialect::Messages => messages::members(&preset.config, &has),
        _ => chat::members(&preset.config, &has),
    };
    for (name, value) in open {
        match value {
            Value::Array(list) if name == "tools" => {
                let united = tools::unite(&list, members.get("tools"))?;
                members.put("tools", united);
            }
            _ if members.has(&name) || shared::CACHING.contains(&name.as_str()) => {}
            value => members.put_value(name, &value)?,
        }
    }
    if let Some(prompt) = &preset.system_prompt {
        system::put(dialect, &mut members, prompt)?;
    }
    defaults::name_model(dialect, defaults, &mut members)?;
    members.write()
}
