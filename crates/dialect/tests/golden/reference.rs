//! The table of what is lost, as people read it: `docs/reference/dialects.md`.

use std::fmt::Write as _;
use std::path::Path;

use dialect::client::Dialect;

use crate::losses::{self, Fate};
use crate::providers::{CLIENTS, PROVIDERS, Provider};
use crate::replay::REASONED;

const HEAD: &str = "# What crosses from one dialect to another

<!-- Written by the test `dialects_md_says_what_is_lost` of `crates/dialect`; run it with UPDATE_DOCS=1. -->

A client's request goes out in its provider's dialect. Each table is for clients of one dialect and says what becomes of a
feature at each provider dialect: **=** goes as it is, **~** in the provider's own form, **-** is left out for the reason
below, **x** the request goes to another endpoint, empty: these clients cannot say it. Endpoints deviate, by the quirks of
the catalogue; the columns are those of each dialect's maker. A model that does not take a parameter, by its
`supported_parameters`, does not get it anywhere.
";

fn document() -> String {
    let mut text = HEAD.to_owned();
    for client in CLIENTS {
        let _ = writeln!(text, "\n## Requests of {}\n", title(client));
        header(&mut text);
        for feature in losses::requests() {
            row(&mut text, &feature.feature, |provider| feature.fate(client, provider));
        }
        for reasoned in &REASONED {
            row(&mut text, reasoned.name, |provider| reasoned.fate(client, provider));
        }
    }
    reasons(&mut text);
    answers(&mut text);
    text
}

fn title(client: Dialect) -> &'static str {
    match client {
        Dialect::Chat => "Chat Completions",
        Dialect::Responses => "Responses",
        _ => "Messages",
    }
}

fn header(text: &mut String) {
    let names: Vec<_> = PROVIDERS.iter().map(|provider| provider.name).collect();
    let _ = writeln!(text, "| | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
}

fn row(text: &mut String, name: &str, fate: impl Fn(&Provider) -> Fate) {
    let fates: Vec<_> = PROVIDERS.iter().map(fate).collect();
    if fates.iter().all(|fate| *fate == Fate::Unsaid) {
        return;
    }
    let cells: Vec<_> = fates.into_iter().map(sign).collect();
    let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
}

fn sign(fate: Fate) -> &'static str {
    match fate {
        Fate::Carried => "=",
        Fate::Mapped => "~",
        Fate::Dropped => "-",
        Fate::Refused => "x",
        Fate::Unsaid => "",
    }
}

fn reasons(text: &mut String) {
    text.push_str("\n## Why something is left out\n");
    for feature in losses::requests().into_iter().filter(|feature| !feature.dropped.is_empty()) {
        let _ = writeln!(text, "\n**{}**", feature.feature);
        let mut told: Vec<(&str, Vec<&str>)> = Vec::new();
        for provider in &PROVIDERS {
            let Some(reason) = feature.dropped.get(provider.name) else { continue };
            match told.iter_mut().find(|(known, _)| known == reason) {
                Some((_, names)) => names.push(provider.name),
                None => told.push((reason, vec![provider.name])),
            }
        }
        for (reason, names) in told {
            let _ = writeln!(text, "- {}: {reason}", names.join(", "));
        }
    }
    text.push_str(
        "\n**Signed and sealed reasoning** goes back to those who can read it and to nobody else; the text of reasoning goes \
         to providers that take it.\n",
    );
}

fn answers(text: &mut String) {
    let answers = losses::answers();
    text.push_str("\n## Answers\n\nWhat an answer says reaches clients of all dialects, but for this:\n\n");
    text.push_str("| | Chat Completions | Responses | Messages |\n|---|---|---|---|\n");
    for feature in &answers.features {
        let cells: Vec<String> = CLIENTS
            .iter()
            .map(|client| match feature.dropped.get(client.as_str()) {
                Some(reason) => format!("- {reason}"),
                None => "=".to_owned(),
            })
            .collect();
        let _ = writeln!(text, "| {} | {} |", feature.feature, cells.join(" | "));
    }
}

#[test]
fn dialects_md_says_what_is_lost() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/dialects.md");
    let text = document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = written.lines().zip(text.lines()).find(|(written, text)| written != text);
    assert!(written == text, "run this test with UPDATE_DOCS=1 and read the difference: {differs:?}");
}
