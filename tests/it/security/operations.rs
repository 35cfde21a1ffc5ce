//! Every operation of the three served documents, and what is sent to it.

use std::sync::Arc;

use anyhow::Context as _;
use futures::{FutureExt as _, StreamExt as _};
use serde_json::{Map, Value, json};
use testkit::Reply;

use super::{Site, patiently};
use crate::drills::chance::Chance;

/// How deep a value goes.
const DEEPEST: usize = 6;
/// Calls at the same time.
const AT_ONCE: usize = 8;

/// What one of several operations is sent.
pub(super) struct Call {
    /// Its number among them.
    pub(super) operation: usize,
    pub(super) path: String,
    pub(super) body: Vec<u8>,
}

/// Makes all calls; answers with those that come to a fault of ours, or to nothing at all.
pub(super) async fn faults(site: &Site, operations: &[Operation], calls: Vec<Call>) -> Vec<String> {
    let calls = calls.into_iter().map(|call| {
        let operation = &operations[call.operation];
        async move {
            let shown = String::from_utf8_lossy(&call.body[..call.body.len().min(400)]).into_owned();
            let what = format!("{} {} with {shown}", operation.method, call.path);
            match patiently(|| operation.send(site, &call.path, call.body.clone())).await {
                Ok(reply) if reply.status < 500 => None,
                Ok(reply) => Some(format!("{what}: {} {}", reply.status, reply.body)),
                Err(error) => Some(format!("{what}: {error:?}")),
            }
        }
        .boxed()
    });
    futures::stream::iter(calls).buffer_unordered(AT_ONCE).filter_map(|fault| async { fault }).collect().await
}

/// One operation of a document.
pub(super) struct Operation {
    base: &'static str,
    pub(super) method: String,
    path: String,
    said: Value,
    document: Arc<Value>,
}

impl Operation {
    pub(super) async fn all(site: &Site) -> anyhow::Result<Vec<Self>> {
        let api = &site.clients[0];
        let mut all = Vec::new();
        for base in ["/api/v1", "/admin/v1", "/account/v1"] {
            let document = Arc::new(api.get(&format!("{base}/openapi.json")).await?.body);
            for (path, item) in document["paths"].as_object().context("no paths")? {
                for (method, said) in item.as_object().context("no operations")? {
                    all.push(Self {
                        base,
                        method: method.to_uppercase(),
                        path: path.clone(),
                        said: said.clone(),
                        document: Arc::clone(&document),
                    });
                }
            }
        }
        anyhow::ensure!(all.len() > 150, "only {} operations", all.len());
        Ok(all)
    }

    pub(super) fn name(&self) -> String {
        format!("{} {}{}", self.method, self.base, self.path)
    }

    pub(super) fn is_operators(&self) -> bool {
        self.base == "/admin/v1"
    }

    /// Names of its parameters that are said to be in `place`.
    pub(super) fn parameters(&self, place: &str) -> Vec<String> {
        let all = self.said["parameters"].as_array().into_iter().flatten();
        all.filter(|one| one["in"] == place)
            .filter_map(|one| Some(one["name"].as_str()?.to_owned()))
            .collect()
    }

    /// Its path with something that there is in each place, but for what `named` puts there.
    pub(super) fn path(&self, site: &Site, named: Option<(&str, &str)>) -> String {
        let pieces = self.path.split('/').map(|piece| {
            let Some(name) = piece.strip_prefix('{').and_then(|piece| piece.strip_suffix('}')) else {
                return piece.to_owned();
            };
            if let Some((_, text)) = named.filter(|(wanted, _)| *wanted == name) {
                return escaped(text);
            }
            match name {
                "tenant" => site.other.id.clone(),
                "hash" => site.other.api_key_hash.clone(),
                "author" => "test".to_owned(),
                "name" => site.victim.trim_start_matches("test/").to_owned(),
                "interval" => "monthly".to_owned(),
                "slug" => "a-slug".to_owned(),
                _ => site.other.workspace.clone(),
            }
        });
        format!("{}{}", self.base, pieces.collect::<Vec<_>>().join("/"))
    }

    /// A credential that it takes, as a header.
    fn credential(&self, site: &Site) -> Option<String> {
        let takes = |scheme: &str| {
            self.said["security"].as_array().into_iter().flatten().any(|way| way.get(scheme).is_some())
        };
        let dev = &site.platform.dev;
        if takes("operator_token") {
            Some(format!("Bearer {}", dev.admin_token))
        } else if takes("management_key") {
            Some(format!("Bearer {}", site.tenant.management_key))
        } else if takes("inference_key") {
            Some(format!("Bearer {}", site.tenant.api_key))
        } else {
            None
        }
    }

    /// Sends `body` to `path` with a credential that is good.
    pub(super) async fn send(&self, site: &Site, path: &str, body: Vec<u8>) -> anyhow::Result<Reply> {
        let client = &site.clients[body.len() % site.clients.len()];
        let credential = self.credential(site);
        let mut headers = vec![("content-type", self.kind())];
        headers.extend(credential.as_deref().map(|value| ("authorization", value)));
        client.send(&self.method, path, &headers, body).await
    }

    fn kind(&self) -> &str {
        let kinds = self.said["requestBody"]["content"].as_object();
        let first = kinds.and_then(|kinds| kinds.keys().next());
        first.map_or("application/json", String::as_str)
    }

    pub(super) fn schema(&self) -> &Value {
        &self.said["requestBody"]["content"]["application/json"]["schema"]
    }

    /// A body as its document describes it.
    pub(super) fn body(&self, site: &Site, chance: &mut Chance) -> Value {
        let mut body = self.value(self.schema(), chance, 0);
        if let Some(members) = body.as_object_mut()
            && members.contains_key("model")
        {
            members.insert("model".to_owned(), json!(site.model));
        }
        body
    }

    pub(super) fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        while let Some(place) = schema["$ref"].as_str() {
            schema = self.document.pointer(place.trim_start_matches('#')).unwrap_or(&Value::Null);
        }
        schema
    }

    fn value(&self, schema: &Value, chance: &mut Chance, depth: usize) -> Value {
        let schema = self.resolved(schema);
        if let Some(known) = schema.get("const").or_else(|| pick(&schema["enum"], chance)) {
            return known.clone();
        }
        if let Some(all) = schema["allOf"].as_array() {
            let mut whole = Map::new();
            for one in all {
                whole.extend(self.value(one, chance, depth).as_object().cloned().unwrap_or_default());
            }
            return Value::Object(whole);
        }
        if let Some(one) = pick(&schema["oneOf"], chance).or_else(|| pick(&schema["anyOf"], chance)) {
            return self.value(one, chance, depth + 1);
        }
        let kind = pick(&schema["type"], chance).unwrap_or(&schema["type"]);
        match kind.as_str().unwrap_or_default() {
            "boolean" => json!(chance.within(0, 2) == 0),
            "integer" => json!(chance.within(1, 100)),
            "number" => json!(1.5),
            "string" => json!(text(schema)),
            "array" if depth < DEEPEST => json!([self.value(&schema["items"], chance, depth + 1)]),
            "array" => json!([]),
            "null" => Value::Null,
            _ => Value::Object(self.members(schema, chance, depth)),
        }
    }

    fn members(&self, schema: &Value, chance: &mut Chance, depth: usize) -> Map<String, Value> {
        let needed = schema["required"].as_array().cloned().unwrap_or_default();
        let mut members = Map::new();
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            let is_sent = needed.contains(&json!(name)) || (depth < DEEPEST && chance.within(0, 2) == 0);
            if is_sent && depth < 2 * DEEPEST {
                members.insert(name.clone(), self.value(schema, chance, depth + 1));
            }
        }
        members
    }
}

fn pick<'a>(choices: &'a Value, chance: &mut Chance) -> Option<&'a Value> {
    let choices = choices.as_array().filter(|choices| !choices.is_empty())?;
    choices.get(usize::try_from(chance.within(0, choices.len() as u64)).unwrap_or(0))
}

fn text(schema: &Value) -> &'static str {
    match schema["format"].as_str().unwrap_or_default() {
        "uuid" => "0192f0c4-0000-7000-8000-000000000001",
        "date" => "2026-01-01",
        "date-time" => "2026-01-01T00:00:00Z",
        "email" => "someone@example.com",
        "uri" => "https://example.com/",
        _ => "1",
    }
}

/// As one piece of a path or one value of a query.
pub(super) fn escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
