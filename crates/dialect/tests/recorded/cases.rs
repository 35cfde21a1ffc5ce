//! The recorded cases, found from the repository's root.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

/// One recorded exchange with a provider.
#[derive(Clone)]
pub(crate) struct Case {
    /// `provider/case`
    pub(crate) name: String,
    /// The provider's name of the model, where it is known.
    pub(crate) model: Option<String>,
    pub(crate) is_stream: bool,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// What the recording's own summary says, in the provider's terms.
    pub(crate) native: Value,
    pub(crate) request: Option<Value>,
    pub(crate) response: Vec<u8>,
}

impl Case {
    /// The JSON values of the body in their order: one, or those of the stream's events or lines.
    pub(crate) fn values(&self) -> Vec<Value> {
        if let Ok(whole) = serde_json::from_slice(&self.response) {
            return vec![whole];
        }
        let text = std::str::from_utf8(&self.response).unwrap();
        let lines = text.lines().map(|line| line.strip_prefix("data:").unwrap_or(line));
        lines.filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

/// Every case of the wire formats `apis`; none, with a notice, where the recordings are absent.
pub(crate) fn cases(apis: &[&str]) -> Vec<Case> {
    let listed = listed();
    let wanted = listed.iter().filter(|case| case["api"].as_str().is_some_and(|api| apis.contains(&api)));
    let cases: Vec<Case> = wanted.map(read).collect();
    assert!(!cases.is_empty() || listed.is_empty(), "the recordings have no case of {apis:?}");
    cases
}

/// What the index says of every case; nothing, with a notice, where the recordings are absent.
pub(crate) fn listed() -> Vec<Value> {
    let Some(folder) = folder() else {
        eprintln!(
            "SKIPPED: no folder shared/fixtures/providers beside the repository; nothing recorded is tested"
        );
        return Vec::new();
    };
    let mut index = json(&folder.join("index.json")).expect("the index is there");
    match index["cases"].take() {
        Value::Array(cases) if !cases.is_empty() => cases,
        _ => panic!("the index lists no cases"),
    }
}

/// A file of a case.
pub(crate) fn file(case: &str, name: &str) -> Vec<u8> {
    let folder = folder().expect("the recordings are there");
    std::fs::read(folder.join(case).join(name)).unwrap_or_else(|error| panic!("{case}/{name}: {error}"))
}

fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("PATCHBAY_FIXTURES").map(PathBuf::from);
    let above =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("shared/fixtures"));
    named.into_iter().chain(above).map(|folder| folder.join("providers")).find(|folder| folder.is_dir())
}

fn read(listed: &Value) -> Case {
    let name = listed["case"].as_str().expect("a case has a name");
    let folder = folder().expect("the recordings are there").join(name);
    let response = ["response.sse", "response.ndjson", "response.json", "response.txt"]
        .iter()
        .find_map(|file| std::fs::read(folder.join(file)).ok())
        .unwrap_or_else(|| unwrapped(name).unwrap_or_else(|| file(name, "response.eventstream")));
    let mut meta = json(&folder.join("meta.json")).unwrap_or_else(|| panic!("{name} has no meta.json"));
    Case {
        name: name.to_owned(),
        model: listed["model"].as_str().map(str::to_owned),
        is_stream: listed["stream"] == true,
        status: u16::try_from(listed["status"].as_u64().unwrap()).unwrap(),
        headers: headers(&meta["response_headers"]),
        native: meta["native"].take(),
        request: json(&folder.join("request.json")).filter(Value::is_object),
        response,
    }
}

/// The model's own events, out of the frames that a reseller put them in, as server-sent events; absent when
/// the frames are the reseller's own events.
fn unwrapped(case: &str) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    for line in
        file(case, "response.events.jsonl").split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
    {
        let frame: Value = serde_json::from_slice(line).expect(case);
        body.extend_from_slice(b"data: ");
        body.extend(BASE64_STANDARD.decode(frame["payload"]["bytes"].as_str()?).expect(case));
        body.extend_from_slice(b"\n\n");
    }
    Some(body)
}

fn headers(recorded: &Value) -> HeaderMap {
    let headers = recorded.as_object().into_iter().flatten().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_str(value.as_str()?).ok()?))
    });
    headers.collect()
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}
