//! Statements where texts are expected: in credentials, and in every parameter of everything that can be read.

use anyhow::ensure;
use futures::StreamExt as _;

use testkit::Api;

use super::corpus::{MADE, STATEMENTS};
use super::operations::{Call, Operation, escaped, faults};
use super::{Site, patiently};
use crate::drills::is_long;

/// Calls at the same time.
const AT_ONCE: usize = 4;
/// Where each credential is read.
const GUARDED: [(&str, &str); 5] = [
    ("GET", "/api/v1/key"),
    ("GET", "/api/v1/keys"),
    ("POST", "/api/v1/chat/completions"),
    ("GET", "/admin/v1/tenants"),
    ("GET", "/account/v1/session"),
];

pub(super) async fn statements_stay_texts(site: &Site) -> anyhow::Result<()> {
    let refused = credentials(site).await?;
    let read = parameters(site).await?;
    eprintln!("{refused} credentials and {read} parameters that are statements");
    ensure!(!site.platform.has_table(MADE).await?, "a statement was carried out");
    site.serves().await
}

/// All are refused alike, whoever reads them; in the short form each statement in one form to one reader.
async fn credentials(site: &Site) -> anyhow::Result<usize> {
    let api = &site.clients[0];
    let mut calls = Vec::new();
    for (n, statement) in STATEMENTS.iter().filter(|one| !one.contains('\u{0}')).enumerate() {
        let mut forms = forms(statement);
        let mut guarded = GUARDED.to_vec();
        if !is_long() {
            forms = vec![forms.swap_remove(n % forms.len())];
            // Not in step: over all statements every reader sees every form.
            guarded = vec![GUARDED[(n + n / GUARDED.len()) % GUARDED.len()]];
        }
        for (method, path) in guarded {
            calls.extend(forms.iter().map(|(name, value)| is_nobody(api, method, path, name, value.clone())));
        }
    }
    let sent = calls.len();
    let outcomes: Vec<_> = futures::stream::iter(calls).buffer_unordered(AT_ONCE).collect().await;
    outcomes.into_iter().collect::<anyhow::Result<()>>()?;
    Ok(sent)
}

fn forms(statement: &str) -> Vec<(&'static str, String)> {
    vec![
        ("authorization", format!("Bearer {statement}")),
        ("authorization", format!("Bearer sk-pb-v1-{statement}")),
        ("authorization", statement.to_owned()),
        ("x-api-key", statement.to_owned()),
        ("cookie", format!("__Host-patchbay={statement}; patchbay={statement}")),
    ]
}

async fn is_nobody(api: &Api, method: &str, path: &str, name: &str, value: String) -> anyhow::Result<()> {
    let headers = [(name, value.as_str())];
    let reply = patiently(|| api.send(method, path, &headers, "{}")).await?;
    ensure!(reply.status == 401, "{method} {path} with {name}: {value}: {reply:?}");
    Ok(())
}

async fn parameters(site: &Site) -> anyhow::Result<usize> {
    let mut operations = Operation::all(site).await?;
    operations.retain(|one| one.method == "GET");
    let mut calls = Vec::new();
    let mut turn = 0;
    for (n, operation) in operations.iter().enumerate() {
        for name in operation.parameters("path") {
            for statement in some(&mut turn) {
                calls.push(read(n, operation.path(site, Some((&name, statement)))));
            }
        }
        for name in operation.parameters("query") {
            for statement in some(&mut turn) {
                let path = operation.path(site, None);
                calls.push(read(n, format!("{path}?{}={}", escaped(&name), escaped(statement))));
            }
        }
    }
    let sent = calls.len();
    ensure!(sent > 100, "only {sent} parameters");
    let wrong = faults(site, &operations, calls).await;
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(sent)
}

fn read(operation: usize, path: String) -> Call {
    Call { operation, path, body: Vec::new() }
}

/// All of the corpus in the long form; otherwise one of it, another one each time.
fn some(turn: &mut usize) -> Vec<&'static str> {
    let many = if is_long() { STATEMENTS.len() } else { 1 };
    *turn += many;
    (0..many).map(|n| STATEMENTS[(*turn + n) % STATEMENTS.len()]).collect()
}
