//! Clocks that are wrong.

use std::path::PathBuf;

use anyhow::ensure;

use super::{Site, all_whole, scaled};

/// An edge lives an hour ahead and a worker an hour behind; needs the library `libfaketime`.
pub(super) async fn clocks_that_are_an_hour_off_change_no_charge() -> anyhow::Result<()> {
    let Some(library) = library() else {
        eprintln!("SKIPPED: clocks are not moved; PATCHBAY_FAKETIME names no libfaketime.so.1");
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
    let load = site.load(8);
    load.progress(scaled(160)).await;
    let seen = load.stop().await?;
    all_whole(&seen, "a clock that is an hour off")?;
    ensure!(seen.len() >= scaled(160), "only {} requests", seen.len());
    site.audit(&seen).await
}

fn library() -> Option<PathBuf> {
    let named = std::env::var_os("PATCHBAY_FAKETIME").map(PathBuf::from);
    let installed = ["/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/aarch64-linux-gnu/faketime"];
    let installed = installed.iter().map(|folder| PathBuf::from(folder).join("libfaketime.so.1"));
    named.into_iter().chain(installed).find(|path| path.is_file())
}
