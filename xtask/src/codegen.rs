//! gRPC code from `proto/`, checked in under `crates/rpc/src/generated/`.

use std::path::Path;

use anyhow::{Context as _, bail};

use crate::shell::root;

const PACKAGES: [&str; 7] = ["billing", "errors", "events", "pricing", "router", "status", "worker"];

/// Writes the code, or says whether it is up to date.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let target = root().join("crates/rpc/src/generated");
    if !check {
        return write(&target);
    }
    let fresh = root().join("target/codegen");
    std::fs::create_dir_all(&fresh)?;
    write(&fresh)?;
    for package in PACKAGES {
        let name = format!("patchbay.{package}.v1.rs");
        if std::fs::read(fresh.join(&name))? != std::fs::read(target.join(&name))? {
            bail!("{name} is not what proto/ says: run `cargo xtask codegen`");
        }
    }
    Ok(())
}

fn write(folder: &Path) -> anyhow::Result<()> {
    let protos = root().join("proto");
    let mut files = Vec::new();
    for package in PACKAGES {
        for entry in std::fs::read_dir(protos.join(package).join("v1"))? {
            files.push(entry?.path());
        }
    }
    files.sort();
    let descriptors = protox::compile(&files, [&protos]).context("proto/ does not compile")?;
    tonic_prost_build::configure()
        .bytes(".")
        .out_dir(folder)
        .compile_fds(descriptors)
        .context("no code can be written")
}
