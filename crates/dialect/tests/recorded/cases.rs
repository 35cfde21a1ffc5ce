//! The recorded cases, found from the repository's root.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// One recorded exchange with a provider.
pub(crate) struct Case {
    /// `provider/case`
    pub(crate) name: String,
    pub(crate) is_stream: bool,
    pub(crate) status: u16,
    /// What the recording's own summary says, in the provider's terms.
    pub(crate) native: Value,
    pub(crate) request: Option<Value>,
    pub(crate) response: Vec<u8>,
}

/// Every case of the wire formats `apis`; none, with a notice, where the recordings are absent.
pub(crate) fn cases(apis: &[&str]) -> Vec<Case> {
    let Some(folder) = folder() else {
        eprintln!(
            "SKIPPED: no folder shared/fixtures/providers beside the repository; nothing recorded is tested"
        );
        return Vec::new();
    };
    let index = json(&folder.join("index.json")).expect("the index is there");
    let listed = index["cases"].as_array().expect("the index lists cases");
    let wanted = listed.iter().filter(|case| case["api"].as_str().is_some_and(|api| apis.contains(&api)));
    wanted.filter_map(|case| read(&folder, case)).collect()
}

fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("PATCHBAY_FIXTURES").map(PathBuf::from);
    let above =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("shared/fixtures"));
    named.into_iter().chain(above).map(|folder| folder.join("providers")).find(|folder| folder.is_dir())
}

/// `None` for a body in a form that is not JSON or server-sent events.
fn read(folder: &Path, listed: &Value) -> Option<Case> {
    let name = listed["case"].as_str()?;
    let folder = folder.join(name);
    let response = ["response.sse", "response.json", "response.txt"]
        .iter()
        .find_map(|file| std::fs::read(folder.join(file)).ok())?;
    Some(Case {
        name: name.to_owned(),
        is_stream: listed["stream"] == true,
        status: u16::try_from(listed["status"].as_u64()?).ok()?,
        native: json(&folder.join("meta.json"))?["native"].take(),
        request: json(&folder.join("request.json")),
        response,
    })
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}
