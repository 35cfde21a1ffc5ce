//! The folder of one cluster: reachable by the user who runs it, closed to others.

use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::Uid;
use secrecy::SecretString;

use crate::account::Account;
use crate::{Error, random_text, write_secret};

/// Where clusters go that cannot stay in a data directory closed to the user who runs them.
const ELSEWHERE: &str = "/var/lib/patchbay";

/// Where a cluster lives and who runs it.
#[derive(Debug, Clone)]
pub(super) struct Home {
    /// Absolute, links resolved.
    pub(super) directory: PathBuf,
    /// Whom we drop to; `None` = we stay who we are.
    pub(super) account: Option<Account>,
}

impl Home {
    /// Makes the folder, or finds it; moves it elsewhere when its user could not reach it.
    pub(super) fn prepare(wanted: &Path) -> Result<Self, Error> {
        let account = Account::choose(&wanted.join("cluster"))?;
        if let Some(parent) = wanted.parent() {
            std::fs::create_dir_all(parent).map_err(Error::io(parent))?;
        }
        // A link whose target is gone is made anew.
        if wanted.is_symlink() && !wanted.exists() {
            std::fs::remove_file(wanted).map_err(Error::io(wanted))?;
        }
        if !wanted.exists() {
            make(wanted, account)?;
        }
        let directory = wanted.canonicalize().map_err(Error::io(wanted))?;
        let home = Self { directory, account };
        home.belongs_to_us()?;
        Ok(home)
    }

    pub(super) fn cluster(&self) -> PathBuf {
        self.directory.join("cluster")
    }

    pub(super) fn password_file(&self) -> PathBuf {
        self.directory.join("password")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    pub(super) fn has_cluster(&self) -> bool {
        self.cluster().join("PG_VERSION").is_file()
    }

    /// The major version of the server that made the cluster, when there is one.
    pub(super) fn made_by(&self) -> Option<u32> {
        std::fs::read_to_string(self.cluster().join("PG_VERSION")).ok()?.trim().parse().ok()
    }

    /// The superuser's password, made when first asked for.
    pub(super) fn password(&self) -> Result<SecretString, Error> {
        let path = self.password_file();
        if !path.exists() {
            write_secret(&path, &random_text(32))?;
            self.give(&path)?;
        }
        let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
        Ok(text.trim().to_owned().into())
    }

    /// `program`, to be run in this folder by the cluster's user, with none of our `PG*` variables.
    pub(super) fn command(&self, program: &Path) -> Command {
        use std::os::unix::process::CommandExt as _;

        let mut command = Command::new(program);
        command.current_dir(&self.directory).env("LC_ALL", "C");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        if let Some(account) = self.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    fn give(&self, path: &Path) -> Result<(), Error> {
        give(path, self.account)
    }

    fn belongs_to_us(&self) -> Result<(), Error> {
        let owner = self.directory.metadata().map_err(Error::io(&self.directory))?.uid();
        let us = self.account.map_or_else(|| Uid::effective().as_raw(), |account| account.uid);
        if owner == us {
            return Ok(());
        }
        // Root may hand an empty folder over; nobody else may.
        if self.account.is_some() && !self.has_cluster() {
            return self.give(&self.directory);
        }
        Err(Error::Foreign { directory: self.directory.clone(), owner })
    }
}

fn make(wanted: &Path, account: Option<Account>) -> Result<(), Error> {
    let parent = wanted.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if account.is_none_or(|account| account.reaches(parent)) {
        return make_closed(wanted, account);
    }
    let elsewhere = Path::new(ELSEWHERE);
    std::fs::create_dir_all(elsewhere).map_err(Error::io(elsewhere))?;
    std::fs::set_permissions(elsewhere, Permissions::from_mode(0o711)).map_err(Error::io(elsewhere))?;
    let moved = elsewhere.join(random_text(16));
    make_closed(&moved, account)?;
    symlink(&moved, wanted).map_err(Error::io(wanted))
}

fn make_closed(directory: &Path, account: Option<Account>) -> Result<(), Error> {
    DirBuilder::new().mode(0o700).create(directory).map_err(Error::io(directory))?;
    give(directory, account)
}

fn give(path: &Path, account: Option<Account>) -> Result<(), Error> {
    let Some(account) = account else { return Ok(()) };
    chown(path, Some(account.uid), Some(account.gid)).map_err(Error::io(path))
}
