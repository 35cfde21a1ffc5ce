//! The recorded exchanges, found beside the repository.

use std::fs;
use std::path::{Path, PathBuf};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

/// How many exchanges the collection has.
pub(crate) const COUNT: usize = 301;

/// One recorded exchange with a provider.
pub(crate) struct Case {
    /// `provider/case`
    pub(crate) name: String,
    pub(crate) provider: String,
    /// The wire format, such as `openai.chat`.
    pub(crate) api: String,
    /// The provider's name of the model; empty when the recording does not tell.
    pub(crate) model: String,
    pub(crate) is_stream: bool,
    pub(crate) status: u16,
    /// The situations it shows.
    pub(crate) shows: Vec<String>,
    pub(crate) headers: HeaderMap,
    /// What its publisher found in the answer, in the provider's own terms.
    pub(crate) native: Value,
    pub(crate) request: Option<Value>,
    pub(crate) response: Vec<u8>,
}

impl Case {
    pub(crate) fn shows(&self, situation: &str) -> bool {
        self.shows.iter().any(|shown| shown == situation)
    }
}

/// A folder that is shared with the repository: below the one that a variable names, or beside the repository.
pub(crate) fn shared(variable: &str, name: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let places = named.into_iter().chain(here.map(|folder| folder.join("shared")));
    places.flat_map(|place| [place.join(name), place]).find(|path| path.join(marker(name)).exists())
}

/// What proves that a folder is the one that is looked for.
fn marker(name: &str) -> &'static str {
    if name.starts_with("fixtures") { "providers/index.json" } else { "openrouter.openapi.yaml" }
}

/// Every exchange; `None` where the collection is absent.
pub(crate) fn cases() -> Option<Vec<Case>> {
    let folder = shared("PATCHBAY_FIXTURES", "fixtures")?.join("providers");
    let index = json(&folder.join("index.json")).expect("the index can be read");
    let listed = index["cases"].as_array().expect("the index lists cases");
    Some(listed.iter().map(|listed| read(&folder, listed)).collect())
}

fn read(folder: &Path, listed: &Value) -> Case {
    let text = |name: &str| listed[name].as_str().unwrap_or_default().to_owned();
    let name = text("case");
    let folder = folder.join(&name);
    let meta = json(&folder.join("meta.json")).expect("the case has a description");
    let headers = meta["response_headers"].as_object().into_iter().flatten().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_str(value.as_str()?).ok()?))
    });
    Case {
        provider: text("provider"),
        api: text("api"),
        model: text("model"),
        is_stream: listed["stream"] == true,
        status: u16::try_from(listed["status"].as_u64().expect("a status")).expect("a status"),
        shows: listed["shows"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        headers: headers.collect(),
        native: meta["native"].clone(),
        request: json(&folder.join("request.json")).filter(|request| !request.is_null()),
        response: response(&folder),
        name,
    }
}

fn response(folder: &Path) -> Vec<u8> {
    let names = ["response.eventstream", "response.sse", "response.ndjson", "response.json", "response.txt"];
    names.iter().find_map(|name| fs::read(folder.join(name)).ok()).expect("the case has an answer")
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}
