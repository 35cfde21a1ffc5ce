//! Recorded traffic, and what it means to look like it.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder of recordings, if it stands beside the repository.
pub(crate) fn folder() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found =
        here.ancestors().map(|above| above.join("shared/fixtures/providers")).find(|path| path.is_dir());
    if found.is_none() {
        eprintln!("SKIPPED: no recorded traffic at ../shared/fixtures; nothing is compared with it");
    }
    found
}

/// A file of the one case whose name begins so; nothing, with a notice, where the recordings are not.
pub(crate) fn file(case: &str, name: &str) -> Option<String> {
    let (provider, case) = case.split_once('/').unwrap();
    let folder = folder()?.join(provider);
    let found: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(case))
        .collect();
    let [path] = &found[..] else { panic!("{case}: {found:?}") };
    Some(std::fs::read_to_string(path.join(name)).unwrap())
}

pub(crate) fn json(case: &str) -> Option<Value> {
    Some(serde_json::from_str(&file(case, "response.json")?).unwrap())
}

/// The JSON of every `data:` line.
pub(crate) fn events(case: &str) -> Option<Vec<Value>> {
    let text = file(case, "response.sse")?;
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    Some(data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect())
}

/// Asserts that everything the recording has is there too, of the same type. `but` names members, by their way
/// with dots and without positions, that the simulator leaves out.
pub(crate) fn assert_like(ours: &Value, recorded: &Value, but: &[&str]) {
    compare(ours, recorded, but, "");
}

fn compare(ours: &Value, recorded: &Value, but: &[&str], way: &str) {
    match (ours, recorded) {
        (Value::Object(ours), Value::Object(recorded)) => {
            for (name, value) in recorded {
                let way = if way.is_empty() { name.clone() } else { format!("{way}.{name}") };
                if but.contains(&way.as_str()) {
                    continue;
                }
                let own = ours.get(name).unwrap_or_else(|| panic!("{way} is missing"));
                compare(own, value, but, &way);
            }
        }
        (Value::Array(ours), Value::Array(recorded)) => {
            if let (Some(own), Some(value)) = (ours.first(), recorded.first()) {
                compare(own, value, but, way);
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        _ => assert_eq!(kind(ours), kind(recorded), "{way}: {ours} is not like {recorded}"),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The kinds of events in their order, repetitions once.
pub(crate) fn order(events: &[Value]) -> Vec<String> {
    let mut kinds: Vec<String> =
        events.iter().map(|event| event["type"].as_str().unwrap_or_default().to_owned()).collect();
    kinds.dedup();
    kinds
}
