//! What drives the console in a browser, and its pictures.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::shell::{cargo, command, root, run};
use crate::{console, packages, seed};

const READY: Duration = Duration::from_secs(180);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Installs what drives it; quick when it is there.
pub(crate) fn install() -> anyhow::Result<()> {
    run(command("npm", &["ci", "--silent", "--no-audit", "--no-fund", "--prefix", "tests/browser"]))
}

/// A picture of every page of a platform with some weeks of usage, in `target/screenshots/`.
pub(crate) fn screenshots(filter: &str) -> anyhow::Result<()> {
    packages::install()?;
    console::build()?;
    install()?;
    run(cargo(&["build", "--package", "patchbay"]))?;
    let folder = root().join("target/screenshots");
    let platform = Platform::start(&folder.join("platform"))?;
    let dev: serde_json::Value = serde_json::from_slice(&std::fs::read(platform.dev_file())?)?;
    let database = dev["database_url"].as_str().context("dev.json has no database_url")?;
    seed::usage(&seed::Wanted {
        rows: 12_000,
        days: 45,
        models: 0,
        organisation: Some("demo".into()),
        database_url: database.to_owned().into(),
    })?;
    let mut pictures = Command::new("node");
    pictures.current_dir(root()).arg("tests/browser/screenshots.mjs");
    pictures.arg(platform.dev_file()).arg(&folder).arg("").arg(filter).arg(root().join("docs/images"));
    run(pictures)
}

/// A platform that ends when this is dropped.
struct Platform {
    child: Child,
    data: PathBuf,
}

impl Platform {
    fn start(data: &Path) -> anyhow::Result<Self> {
        if data.exists() {
            std::fs::remove_dir_all(data)?;
        }
        std::fs::create_dir_all(data)?;
        let log = std::fs::File::create(data.with_extension("log"))?;
        let child = command(root().join("target/debug/patchbay"), &["dev", "--listen", "127.0.0.1:0"])
            .arg("--data-dir")
            .arg(data)
            .env("PATCHBAY__EDGE__CONSOLE__FOLDER", root().join("console/dist"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("the platform does not start")?;
        let mut platform = Self { child, data: data.to_owned() };
        let began = Instant::now();
        while !platform.dev_file().exists() {
            if began.elapsed() > READY || platform.child.try_wait()?.is_some() {
                bail!("the platform is not ready: see {}", data.with_extension("log").display());
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(platform)
    }

    fn dev_file(&self) -> PathBuf {
        self.data.join("dev.json")
    }
}

impl Drop for Platform {
    /// As Ctrl-C does it, so that its database ends too.
    fn drop(&mut self) {
        let asked = command("kill", &["-INT", &self.child.id().to_string()]).status();
        if asked.is_ok_and(|status| status.success()) {
            let _ended = self.child.wait();
        }
    }
}
