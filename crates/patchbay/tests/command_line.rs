//! The program as its user meets it before anything runs.

#![allow(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

fn patchbay(arguments: &[&str], variables: &[(&str, &str)], data_dir: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patchbay"));
    command.args(arguments).arg("--data-dir").arg(data_dir).env_remove("DATABASE_URL");
    command.envs(variables.iter().copied()).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_invalid_configuration_names_the_key_and_exits_64() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&[&str], (&str, &str), &str); 4] = [
        (&["dev"], ("PATCHBAY__EDGE__LSTEN", "127.0.0.1:1"), "edge.lsten"),
        (&["edge"], ("PATCHBAY__EDGE__LISTEN", "nowhere"), "edge.listen"),
        (&["billing"], ("PATCHBAY__TELEMETRY__LOG_FORMAT", "text"), "services.signing_key"),
        (&["config", "check"], ("PATCHBAY__TELEMETRY__TRACE_RATIO", "much"), "telemetry.trace_ratio"),
    ];
    for (arguments, variable, key) in cases {
        let output = patchbay(arguments, &[variable], folder.path());
        assert_eq!(output.status.code(), Some(64), "{}", stderr(&output));
        assert!(stderr(&output).contains(key), "{}", stderr(&output));
    }
}

#[test]
fn made_keys_make_a_valid_configuration_and_are_never_shown_again() {
    let folder = tempfile::tempdir().unwrap();
    let keys = patchbay(&["config", "keys"], &[], folder.path());
    let file = folder.path().join("keys.toml");
    std::fs::write(&file, &keys.stdout).unwrap();
    let file = file.to_str().unwrap();
    let check =
        patchbay(&["config", "check", "--roles", "provider-worker", "--config", file], &[], folder.path());
    assert!(check.status.success(), "{}", stderr(&check));
    let dump = patchbay(&["config", "dump", "--config", file], &[], folder.path());
    let shown = String::from_utf8(dump.stdout).unwrap();
    let shown: toml::Table = shown.parse().unwrap();
    assert_eq!(shown["services"]["signing_key"].as_str(), Some("***"));
    assert_eq!(shown["edge"]["listen"].as_str(), Some("127.0.0.1:8080"));
}

#[test]
fn a_taken_port_is_told_with_the_flag_that_changes_it() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for arguments in [["dev"].as_slice(), &["cluster", "up"], &["simulate"]] {
        let listen = address.to_string();
        let arguments = [arguments, &["--listen", &listen]].concat();
        let output = patchbay(&arguments, &[], folder.path());
        assert_eq!(output.status.code(), Some(1));
        let said = stderr(&output);
        assert!(said.contains(&address.port().to_string()) && said.contains("--listen"), "{said}");
    }
}
