//! A platform run from a shell: `patchbay admin` against the operators' API.

use std::process::Output;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testkit::{Dialect, Platform, unique};

use crate::{Scenario, scenarios};

pub(crate) fn scenarios() -> Vec<(&'static str, Scenario)> {
    scenarios![
        an_organisation_with_credit_and_a_limited_key_is_made_used_and_shut_out,
        a_provider_gets_its_credential_from_the_standard_input,
        what_is_refused_is_told_in_the_apis_own_words,
    ]
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// What a command answers as JSON.
async fn json_of(platform: &Platform, arguments: &[&str]) -> anyhow::Result<Value> {
    let output = platform.shell(&[arguments, &["--json"]].concat(), "").await?;
    ensure!(output.status.success(), "{arguments:?}: {}", said(&output));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn text(value: &Value, pointer: &str) -> anyhow::Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).with_context(|| format!("no {pointer} in {value}"))
}

async fn an_organisation_with_credit_and_a_limited_key_is_made_used_and_shut_out(
    platform: Arc<Platform>,
) -> anyhow::Result<()> {
    let slug = unique("shell");
    let owner = format!("{slug}@example.com");
    let create = ["tenant", "create", &slug, "--name", "Shell", "--owner", &owner];
    let made = json_of(&platform, &create).await?;
    let id = text(&made, "/id")?;
    ensure!(made["invitation"]["role"] == json!("owner"), "{made}");
    let billing = format!("billing-{owner}");
    let invite = ["tenant", "invite", &slug, "--email", &billing, "--role", "billing"];
    let invited = json_of(&platform, &invite).await?;
    ensure!(text(&invited, "/data/email")? == billing, "{invited}");
    let listed = json_of(&platform, &["tenant", "list"]).await?;
    ensure!(listed.as_array().into_iter().flatten().any(|tenant| tenant["id"] == json!(id)), "{listed}");

    let grant = ["credit", "grant", "--tenant", &slug, "--amount", "1.50", "--idempotency-key", &slug];
    let granted = json_of(&platform, &grant).await?;
    let again = json_of(&platform, &grant).await?;
    ensure!(granted == again && granted["balance"] == json!("1.5"), "{granted} and {again}");

    let key = ["key", "create", "--tenant", &slug, "--name", "limited", "--limit", "0.25"];
    let key = json_of(&platform, &[&key[..], &["--limit-reset", "daily"]].concat()).await?;
    let (secret, hash) = (text(&key, "/key")?, text(&key, "/data/hash")?);
    let provider = platform.admin.provider(Dialect::OpenAi).await?;
    let model = platform.admin.model(&[(&provider, "1", "1")]).await?;
    let served = platform.api_as(&secret).ask(&model, "Say hello.").await?;
    ensure!(served.status == 200, "{served:?}");
    let output = platform.shell(&["key", "list", "--tenant", &id], "").await?;
    let table = said(&output);
    ensure!(output.status.success() && table.starts_with("HASH") && table.contains(&hash), "{table}");
    ensure!(!table.contains(&secret), "a list shows a secret");

    json_of(&platform, &["key", "revoke", &hash]).await?;
    let gone = platform.shell(&["key", "revoke", &hash], "").await?;
    ensure!(gone.status.code() == Some(66), "{}", said(&gone));
    let invoices = json_of(&platform, &["invoice", "list", "--tenant", &slug]).await?;
    ensure!(invoices.is_array(), "{invoices}");
    let books = platform.shell(&["invariants", "--kept"], "").await?;
    ensure!(said(&books).starts_with("INVARIANT"), "{}", said(&books));
    Ok(())
}

async fn a_provider_gets_its_credential_from_the_standard_input(
    platform: Arc<Platform>,
) -> anyhow::Result<()> {
    let slug = unique("shell");
    let add = ["provider", "add", &slug, "--base-url", "http://127.0.0.1:1/v1", "--dialect", "openai"];
    json_of(&platform, &add).await?;
    let output = platform.shell(&["credential", "add", &slug], "sk-of-the-shell\n").await?;
    ensure!(output.status.success() && !said(&output).contains("sk-of-the-shell"), "{}", said(&output));
    let empty = platform.shell(&["credential", "add", &slug], "\n").await?;
    ensure!(empty.status.code() == Some(1), "{}", said(&empty));
    let nobody = platform.shell(&["credential", "add", "no-such-provider"], "sk-of-the-shell").await?;
    ensure!(nobody.status.code() == Some(66), "{}", said(&nobody));
    for _ in 0..100 {
        let listed = json_of(&platform, &["provider", "list"]).await?;
        let mut rows = listed.as_array().into_iter().flatten();
        if rows.any(|row| row["slug"] == json!(slug) && !row["credential"].is_null()) {
            return Ok(());
        }
    }
    anyhow::bail!("{slug} never has its credential")
}

async fn what_is_refused_is_told_in_the_apis_own_words(platform: Arc<Platform>) -> anyhow::Result<()> {
    let cases: [(&[&str], i32, &str); 6] = [
        (&["tenant", "create", "No Slug"], 65, "lower-case letters, digits and dashes"),
        (&["credit", "grant", "--tenant", "demo"], 2, "--amount"),
        (&["credit", "grant", "--tenant", "demo", "--amount", "much"], 65, "`much` is no amount"),
        (&["key", "list", "--tenant", "nobody-at-all"], 1, "there is no organisation `nobody-at-all`"),
        (&["tenant", "list", "--token", "wrong"], 77, "401"),
        (&["tenant", "list", "--url", "http://127.0.0.1:1/admin/v1"], 69, "cannot be reached"),
    ];
    for (arguments, code, words) in cases {
        let output = platform.shell(arguments, "").await?;
        let told = said(&output);
        ensure!(output.status.code() == Some(code) && told.contains(words), "{arguments:?}: {told}");
    }
    Ok(())
}
