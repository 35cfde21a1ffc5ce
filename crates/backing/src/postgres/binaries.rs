//! Finding PostgreSQL's programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::fetch;
use super::home::Home;
use crate::{Error, Progress, executable};

/// The oldest server whose SQL the migrations are written for.
const OLDEST: u32 = 15;
/// Folders whose entries may each hold one installed version, and what lies between entry and programs.
const INSTALLS: [(&str, &str); 6] = [
    ("/usr/lib/postgresql", "bin"),
    ("/usr/local", "bin"),
    ("/usr", "bin"),
    ("/opt/homebrew/opt", "bin"),
    ("/usr/local/opt", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "bin"),
];

/// The programs of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) folder: PathBuf,
    /// The major version.
    pub(super) version: u32,
}

impl Binaries {
    pub(super) fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    /// What lies in `folder`, if it is a PostgreSQL that we can use.
    pub(super) fn at(folder: &Path) -> Option<Self> {
        let server = folder.join("postgres").canonicalize().ok()?;
        // A link on `PATH` leads to a folder with all the programs.
        let folder = server.parent()?.to_owned();
        if !executable::is_executable(&folder.join("initdb")) {
            return None;
        }
        let output = Command::new(&server).arg("--version").output().ok()?;
        let version = major(&String::from_utf8_lossy(&output.stdout))?;
        (version >= OLDEST).then_some(Self { folder, version })
    }
}

/// The installed programs that fit the cluster, the newest when there is no cluster yet, else those that
/// npm carries.
pub(super) async fn find(home: &Home, progress: &Progress) -> Result<Binaries, Error> {
    let found = installed();
    let made = home.made_by();
    let fits = |binaries: &&Binaries| made.is_none_or(|made| binaries.version == made);
    if let Some(binaries) = found.iter().filter(fits).max_by_key(|binaries| binaries.version) {
        return Ok(binaries.clone());
    }
    let fetched = fetch::have(home, progress).await?;
    match made {
        Some(made) if fetched.version != made => {
            Err(Error::Version { directory: home.directory.clone(), made })
        }
        _ => Ok(fetched),
    }
}

fn installed() -> Vec<Binaries> {
    let mut folders = executable::folders();
    for (parent, inner) in INSTALLS {
        let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
        let versions = entries.filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            parent == "/usr/lib/postgresql"
                || parent.starts_with("/Applications")
                || ["postgres", "pgsql"].iter().any(|start| name.starts_with(start))
        });
        folders.extend(versions.map(|entry| entry.path().join(inner)));
    }
    folders.sort();
    folders.dedup();
    let mut found: Vec<Binaries> = folders.iter().filter_map(|folder| Binaries::at(folder)).collect();
    found.dedup();
    found
}

/// The major version in `postgres (PostgreSQL) 15.18 (Debian ...)`.
fn major(text: &str) -> Option<u32> {
    let (_, version) = text.split_once("(PostgreSQL) ")?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_the_server_says() {
        assert_eq!(major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major("mysqld 8"), None);
    }
}
