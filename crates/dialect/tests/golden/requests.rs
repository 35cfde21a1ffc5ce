//! Requests and what they become.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::providers::{CLIENTS, PROVIDERS};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn subject(name: &str) {
    for client in CLIENTS {
        let file = folder().join("requests").join(name).join(format!("{}.json", client.as_str()));
        let body: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        for provider in &PROVIDERS {
            let Some(written) = provider.written(client, &body) else { continue };
            let mut settings = insta::Settings::clone_current();
            settings.set_snapshot_path(folder().join("snapshots").join(name).join(client.as_str()));
            settings.set_prepend_module_to_snapshot(false);
            settings.set_omit_expression(true);
            settings.bind(|| insta::assert_json_snapshot!(provider.name, written));
        }
    }
}

#[test]
fn tools_with_calls_and_results() {
    subject("tools");
}

#[test]
fn images_files_and_audio() {
    subject("media");
}

#[test]
fn images_inline_and_in_results() {
    subject("images");
}

#[test]
fn reasoning_that_comes_back() {
    subject("reasoning");
}

#[test]
fn parameters_and_schemas() {
    subject("parameters");
}

#[test]
fn a_history_to_go_on_with() {
    subject("history");
}
