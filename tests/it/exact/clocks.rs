//! Clocks that are wrong.

use std::path::{Path, PathBuf};

use anyhow::ensure;

use super::{Site, all_whole, scaled};

/// An edge lives an hour ahead and a worker an hour behind; needs the library `libfaketime`, which `cargo xtask` installs
/// where it can be built.
pub(super) async fn clocks_that_are_an_hour_off_change_no_charge() -> anyhow::Result<()> {
    let Some(library) = library() else {
        eprintln!(
            "SKIPPED: clocks are not moved; no libfaketime.so.1 is installed or named by PATCHBAY_FAKETIME"
        );
        return Ok(());
    };
    let library = library.display().to_string();
    let site = Site::start(&[]).await?;
    for (name, offset) in [("edge", "+3600"), ("provider-worker", "-3600")] {
        let one = site.instance(name)?;
        one.kill();
        let variables =
            [("LD_PRELOAD", library.as_str()), ("FAKETIME", offset), ("DONT_FAKE_MONOTONIC", "1")];
        one.restart_with(&variables).await?;
    }
    // An edge that has just started knows no key yet, and says 503 when the database is too busy to be asked.
    let first = site.load(8);
    first.progress(16).await;
    let mut all = first.stop().await?;
    let load = site.load(8);
    load.progress(scaled(160)).await;
    let seen = load.stop().await?;
    all_whole(&seen, "a clock that is an hour off")?;
    ensure!(seen.len() >= scaled(160), "only {} requests", seen.len());
    all.extend(seen);
    site.audit(&all).await
}

/// What is named, what `cargo xtask` installed, or what the system has.
fn library() -> Option<PathBuf> {
    let named = std::env::var_os("PATCHBAY_FAKETIME").map(PathBuf::from);
    let versions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/clocks/lib").read_dir();
    let ours = versions.into_iter().flatten().flatten().map(|version| {
        version.path().join("site-packages/libfaketime/vendor/libfaketime/src/libfaketime.so.1")
    });
    let installed = ["/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/aarch64-linux-gnu/faketime"];
    let installed = installed.iter().map(|folder| Path::new(folder).join("libfaketime.so.1"));
    named.into_iter().chain(ours).chain(installed).find(|path| path.is_file())
}
