//! How long after the last answer all usage is settled, read from the reporting schema.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::process::Command;

const PATIENCE: Duration = Duration::from_secs(60);

/// Counts settled requests of a platform.
#[derive(Debug, Clone)]
pub(crate) struct Settlement {
    psql: PathBuf,
    url: String,
}

impl Settlement {
    /// # Errors
    /// When there is no `psql`, or the database does not know the view.
    pub(crate) async fn of(url: &str) -> anyhow::Result<Self> {
        let settlement = Self { psql: psql().context("psql is not installed")?, url: url.to_owned() };
        settlement.count().await?;
        Ok(settlement)
    }

    /// Requests settled so far.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn count(&self) -> anyhow::Result<u64> {
        let output = Command::new(&self.psql)
            .args(["-XAtqc", "select count(*) from report.usage", &self.url])
            .output()
            .await?;
        let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        ensure!(output.status.success(), "{complaint}");
        Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
    }

    /// Seconds until so many are settled, or what is missing.
    ///
    /// # Errors
    /// When they are not settled within a minute.
    pub(crate) async fn reach(&self, wanted: u64) -> anyhow::Result<f64> {
        let begun = Instant::now();
        loop {
            let settled = self.count().await?;
            if settled >= wanted {
                return Ok(begun.elapsed().as_secs_f64());
            }
            ensure!(begun.elapsed() < PATIENCE, "{} of {wanted} requests are not settled", wanted - settled);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// `psql` from the path, else from where Debian keeps it.
fn psql() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&paths);
    let versions = std::fs::read_dir(Path::new("/usr/lib/postgresql")).into_iter().flatten().flatten();
    folders
        .chain(versions.map(|version| version.path().join("bin")))
        .map(|folder| folder.join("psql"))
        .find(|file| file.is_file())
}
