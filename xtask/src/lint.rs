//! Everything that is checked without running the product.

use std::fs;
use std::path::Path;

use anyhow::bail;

use crate::shell::{cargo, command, is_installed, root, run, succeeds};
use crate::{codegen, deps};

/// No hand-written file is longer.
const LONGEST: usize = 800;

/// Runs every check.
pub(crate) fn all() -> anyhow::Result<()> {
    run(cargo(&["fmt", "--all", "--check"]))?;
    run(cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))?;
    codegen::run(true)?;
    deps::check()?;
    lengths()?;
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
