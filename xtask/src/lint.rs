//! Everything that is checked without running the product.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::shell::{cargo, command, is_installed, root, run, succeeds};
use crate::{codegen, deps, statements};

/// No hand-written file is longer.
const LONGEST: usize = 800;

/// Runs every check.
pub(crate) fn all() -> anyhow::Result<()> {
    run(cargo(&["fmt", "--all", "--check"]))?;
    run(cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))?;
    codegen::run(true)?;
    deps::check()?;
    lengths()?;
    documented()?;
    statements::check()?;
    compose()?;
    run(cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--locked", "--document-private-items"]);
    // These pages are for those who work on the code: they may link to what is private.
    doc.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links");
    run(doc)?;
    licences()
}

/// Bans, licences and sources; advisories only where their database can be reached.
fn licences() -> anyhow::Result<()> {
    if !succeeds(cargo(&["deny", "--version"])) {
        run(cargo(&["install", "cargo-deny", "--locked", "--debug", "--quiet"]))?;
    }
    run(cargo(&["deny", "--log-level", "error", "check", "bans", "licenses", "sources"]))
}

fn compose() -> anyhow::Result<()> {
    if !is_installed("docker-compose") {
        println!("docker-compose is not installed: docker-compose.yml is not checked");
        return Ok(());
    }
    run(command("docker-compose", &["-f", "docker-compose.yml", "config", "-q"]))
}

fn lengths() -> anyhow::Result<()> {
    let mut long = Vec::new();
    for folder in ["crates", "fuzz", "tests", "xtask", "bench"] {
        find_long(&root().join(folder), &mut long)?;
    }
    if long.is_empty() {
        Ok(())
    } else {
        bail!("over {LONGEST} lines, cut along the subjects: {}", long.join(", "))
    }
}

/// Where a route is its documentation as well; each folder makes one document.
const DOCUMENTED: [&str; 2] = ["crates/edge/src/http/management", "crates/edge/src/http/admin"];

/// Finds routes that go past the documentation, and schemas that would take each other's place in it.
fn documented() -> anyhow::Result<()> {
    for folder in DOCUMENTED {
        let mut files = Vec::new();
        find_code(&root().join(folder), &mut files)?;
        let mut names: HashMap<String, PathBuf> = HashMap::new();
        for file in files {
            let text = fs::read_to_string(&file)?;
            if text.contains(".route(") {
                bail!("{}: a route without documentation: use `routes!`", file.display());
            }
            for name in schemas(&text) {
                if let Some(other) = names.insert(name.clone(), file.clone()) {
                    bail!("{name} is a schema of {} and of {}", other.display(), file.display());
                }
            }
        }
    }
    Ok(())
}

/// What the types of a file are called in a document.
fn schemas(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if !line.starts_with("#[derive(") || !line.contains("ToSchema") {
            continue;
        }
        let mut renamed = None;
        for line in lines.by_ref() {
            if let Some((_, name)) = line.split_once("#[schema(as = ") {
                renamed = name.split([',', ')']).next();
            }
            let mut words =
                line.split([' ', '<', '(', ';']).skip_while(|word| !matches!(*word, "struct" | "enum"));
            if let Some(name) = words.nth(1) {
                names.push(renamed.unwrap_or(name).to_owned());
                break;
            }
        }
    }
    names
}

/// Every Rust file below a folder.
pub(crate) fn find_code(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find_code(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn find_long(folder: &Path, long: &mut Vec<String>) -> anyhow::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if !path.ends_with("generated") && !path.ends_with("node_modules") {
                find_long(&path, long)?;
            }
        } else if path.extension().is_some_and(|ending| ending == "rs")
            && fs::read_to_string(&path)?.lines().count() > LONGEST
        {
            long.push(path.display().to_string());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_go_by_what_the_document_calls_them() {
        let text = "#[derive(Debug, ToSchema)]\n#[schema(as = Other)]\nstruct One {\n}\n\
                    #[derive(ToSchema)]\npub(super) enum Two {\n}\nstruct Three;\n";
        assert_eq!(schemas(text), ["Other", "Two"]);
    }
}
