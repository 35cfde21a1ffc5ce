//! `patchbay route` as its user meets it, against an admin API of canned answers.

#![allow(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::thread::JoinHandle;

use serde_json::{Value, json};

/// What was asked: the request line, the authorization, the body.
type Asked = (String, String, Value);

/// Answers one request.
fn answer_once(status: &'static str, body: Value) -> (String, JoinHandle<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/admin/v1", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_owned());
        }
        let of = |name: &str| {
            let found = head.iter().find_map(|line| {
                let (own, value) = line.split_once(':')?;
                own.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            });
            found.unwrap_or_default()
        };
        let mut sent = vec![0; of("content-length").parse().unwrap_or(0)];
        reader.read_exact(&mut sent).unwrap();
        let body = body.to_string();
        let head_out =
            format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        reader.get_mut().write_all((head_out + &body).as_bytes()).unwrap();
        (head[0].clone(), of("authorization"), serde_json::from_slice(&sent).unwrap_or_default())
    });
    (base, serving)
}

fn patchbay(arguments: &[&str], data_dir: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patchbay"));
    command.args(arguments).arg("--data-dir").arg(data_dir).env_remove("PATCHBAY_ADMIN_TOKEN");
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn explanation() -> Value {
    json!({
        "names": [{ "name": "a/m", "model": "a/m", "via": "direct" }],
        "strategy": "direct", "order": "price", "catalogue_version": 7, "seed": "5",
        "endpoints": [
            { "position": 1, "selected": true, "provider": "one", "tag": "one", "model": "a/m",
              "price_per_million": "2.5", "latency_ms": 310.0, "throughput": 50.0, "state": "closed" },
            { "selected": false, "provider": "two", "tag": "two", "model": "a/m", "state": "ejected",
              "reason": "plan_full" },
        ],
    })
}

#[test]
fn a_model_is_explained_by_the_platform_of_the_data_directory() {
    let folder = tempfile::tempdir().unwrap();
    let (base, serving) = answer_once("200 OK", explanation());
    let manifest = json!({ "admin_base": base, "admin_token": "pb-op-1", "more": 1 });
    std::fs::write(folder.path().join("dev.json"), manifest.to_string()).unwrap();
    let body = folder.path().join("body.json");
    std::fs::write(&body, r#"{"model":"x","max_tokens":9}"#).unwrap();
    let file = body.to_str().unwrap();
    let output = patchbay(
        &["route", "explain", "--model", "a/m", "--file", file, "--seed", "5", "--tenant", "t 1"],
        folder.path(),
    );
    assert!(output.status.success(), "{}", said(&output));
    let (line, authorization, sent) = serving.join().unwrap();
    assert_eq!(line, "POST /admin/v1/route/explain?tenant=t+1&seed=5 HTTP/1.1");
    assert_eq!(authorization, "Bearer pb-op-1");
    let hello = json!([{ "role": "user", "content": "Hello!" }]);
    assert_eq!(sent, json!({ "model": "a/m", "max_tokens": 9, "messages": hello }));
    let told = said(&output);
    let row = |start: &str| told.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    assert!(row("place").contains("provider") && row("1 ").contains("310 ms"), "{told}");
    assert!(row("- ").contains("ejected") && row("- ").ends_with("plan_full"), "{told}");
}

#[test]
fn a_generation_is_explained_with_whether_it_can_be_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let decision = json!({
        "generation_id": "gen-1", "at": "2026-01-31T12:00:00Z",
        "explanation": explanation(), "replay": { "identical": true },
    });
    for (flags, expected) in [(&[][..], "byte for byte"), (&["--json"][..], "\"identical\": true")] {
        let (base, serving) = answer_once("200 OK", decision.clone());
        let place = ["route", "explain", "--generation", "gen-1", "--admin-url", &base, "--token", "t"];
        let output = patchbay(&[&place[..], flags].concat(), folder.path());
        assert!(output.status.success() && said(&output).contains(expected), "{}", said(&output));
        let (line, authorization, _) = serving.join().unwrap();
        assert_eq!(
            (line.as_str(), authorization.as_str()),
            ("GET /admin/v1/decisions/gen-1 HTTP/1.1", "Bearer t")
        );
    }
}

#[test]
fn a_replay_sends_what_is_to_change_and_tells_the_difference() {
    let folder = tempfile::tempdir().unwrap();
    let share = |first_choices: u64, share: f64, cost: &str| json!({ "first_choices": first_choices, "share": share, "estimated_cost_nanos": cost });
    let report = json!({
        "decisions": 3, "first_choice_changed": 3, "order_changed": 3, "unreadable": 0, "is_cut": false,
        "refused": { "before": 0, "after": 1 },
        "estimated_cost_nanos": { "before": "495000", "after": "2475000" },
        "estimated_latency_p50_ms": { "before": 800.0, "after": 400.0 },
        "providers": [{ "provider": "cheap", "before": share(3, 1.0, "495000"), "after": share(0, 0.0, "0") }],
        "models": [], "unmatched": ["nobody"],
        "examples": [{ "generation_id": "gen-1", "before": { "model": "a/m", "tag": "cheap" },
                       "after": { "refused": "no_endpoints" } }],
    });
    let (base, serving) = answer_once("200 OK", report);
    let (policy, prices) = (folder.path().join("policy.json"), folder.path().join("prices.json"));
    std::fs::write(&policy, r#"{"max_attempts":1}"#).unwrap();
    std::fs::write(&prices, r#"[{"endpoint_id":"e","price":{"base":{"input":"0.000001"}}}]"#).unwrap();
    let output = patchbay(
        &[
            "route",
            "replay",
            "--since",
            "2026-01-01T00:00:00Z",
            "--policy",
            policy.to_str().unwrap(),
            "--prices",
            prices.to_str().unwrap(),
            "--disable",
            "cheap,nobody",
            "--markup",
            "0",
            "--admin-url",
            &base,
            "--token",
            "t",
        ],
        folder.path(),
    );
    assert!(output.status.success(), "{}", said(&output));
    let (line, _, sent) = serving.join().unwrap();
    assert_eq!(line, "POST /admin/v1/route/replay HTTP/1.1");
    let expected = json!({
        "since": "2026-01-01T00:00:00Z", "limit": 100_000, "disable": ["cheap", "nobody"], "markup": 0,
        "policy": { "max_attempts": 1 },
        "prices": [{ "endpoint_id": "e", "price": { "base": { "input": "0.000001" } } }],
    });
    assert_eq!(sent, expected);
    let told = said(&output);
    for part in
        ["$0.000495", "$0.002475", "100.0 %", "400 ms", "nobody", "a/m at cheap -> refused (no_endpoints)"]
    {
        assert!(told.contains(part), "{part} in {told}");
    }
}

#[test]
fn what_goes_wrong_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let output = patchbay(&["route", "explain", "--model", "a/m"], folder.path());
    assert!(!output.status.success() && said(&output).contains("--url"), "{}", said(&output));
    let refusal = json!({ "error": { "message": "policy: unknown field `max_tries`" } });
    let (base, serving) = answer_once("400 Bad Request", refusal);
    let output = patchbay(&["route", "replay", "--admin-url", &base, "--token", "t"], folder.path());
    serving.join().unwrap();
    assert_eq!(output.status.code(), Some(65), "{}", said(&output));
    assert!(
        said(&output).contains("400 Bad Request: policy: unknown field `max_tries`"),
        "{}",
        said(&output)
    );
    let output = patchbay(&["route", "replay", "--since", "yesterday"], folder.path());
    assert!(!output.status.success() && said(&output).contains("yesterday"), "{}", said(&output));
}
