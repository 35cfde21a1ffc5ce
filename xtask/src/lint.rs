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

/// The edge's code.
const EDGE: &str = "crates/edge/src";

/// Where a route is its documentation as well; each folder makes one document. What is described elsewhere in the edge
/// may be in any of them.
const DOCUMENTED: [&str; 3] =
    ["crates/edge/src/http/management", "crates/edge/src/http/admin", "crates/edge/src/http/people"];

/// Finds routes that go past the documentation, and schemas that would take each other's place in it.
fn documented() -> anyhow::Result<()> {
    let folders = DOCUMENTED.map(|folder| root().join(folder));
    let mut files = Vec::new();
    find_code(&root().join(EDGE), &mut files)?;
    let home = |file: &Path| folders.iter().position(|folder| file.starts_with(folder));
    let mut names: HashMap<String, Vec<(PathBuf, Option<usize>)>> = HashMap::new();
    for file in files {
        let (text, home) = (fs::read_to_string(&file)?, home(&file));
        if home.is_some() && text.contains(".route(") {
            bail!("{}: a route without documentation: use `routes!`", file.display());
        }
        for name in schemas(&text) {
            let others = names.entry(name.clone()).or_default();
            if let Some((other, _)) = others.iter().find(|(_, other)| is_one_document(*other, home)) {
                bail!("{name} is a schema of {} and of {}", other.display(), file.display());
            }
            others.push((file.clone(), home));
        }
    }
    Ok(())
}

/// Whether what is described in two folders may be in one document; `None` = in any.
fn is_one_document(one: Option<usize>, other: Option<usize>) -> bool {
    one.is_none() || other.is_none() || one == other
}

/// What the types of a file are called in a document, wherever and however visible they are.
fn schemas(text: &str) -> Vec<String> {
    let derived = text.match_indices("#[derive(").filter_map(|(start, _)| {
        let (derived, item) = text[start..].split_once(")]")?;
        derived.contains("ToSchema").then(|| schema_name(item)).flatten()
    });
    let by_hand = text.lines().filter(|line| !line.trim_start().starts_with("//")).filter_map(|line| {
        let (_, name) = line.split_once("ToSchema for ")?;
        name.split([' ', '<', '{']).next()
    });
    derived.chain(by_hand).map(str::to_owned).collect()
}

/// What a type is called in a document: as it says, else by its own name.
fn schema_name(item: &str) -> Option<&str> {
    let mut renamed = None;
    for line in item.lines().map(str::trim_start).filter(|line| !line.starts_with("//")) {
        let mut words = line.split([' ', '<', '(', ';', '{']);
        if words.any(|word| matches!(word, "struct" | "enum")) {
            return renamed.or_else(|| words.next());
        }
        if let Some((_, name)) = line.split_once("as = ") {
            renamed = name.split([',', ')']).next();
        }
    }
    None
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

    #[test]
    fn no_schema_hides_by_how_it_is_written() {
        let text = "mod inner {\n    #[derive(\n        Debug,\n        ToSchema,\n    )]\n    /// A struct of some kind.\n    \
                    #[schema(\n        as = Renamed,\n    )]\n    struct One<T>(T);\n\n    \
                    #[derive(utoipa::ToSchema)] struct Two{}\n}\n// ToSchema for Nobody\n\
                    impl ToSchema for Three {}\n#[derive(Debug)]\nstruct Four;\n";
        assert_eq!(schemas(text), ["Renamed", "Two", "Three"]);
    }

    #[test]
    fn a_name_may_be_used_twice_only_in_two_documents() {
        assert!(!is_one_document(Some(0), Some(1)));
        assert!(
            is_one_document(Some(0), Some(0))
                && is_one_document(None, Some(1))
                && is_one_document(Some(0), None)
        );
    }
}
