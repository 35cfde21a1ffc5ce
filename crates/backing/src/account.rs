//! Whom a server runs as that refuses to run as root.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use nix::unistd::{Uid, User};

use crate::Error;

/// Users of the system that own nothing of worth, in the order in which they are tried.
const CANDIDATES: [&str; 3] = ["postgres", "nobody", "daemon"];

/// An unprivileged user of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// Whom to run as: nobody else unless we are root; then whoever owns `existing`, else a candidate.
    pub(crate) fn choose(existing: &Path) -> Result<Option<Self>, Error> {
        if !Uid::effective().is_root() {
            return Ok(None);
        }
        if let Ok(found) = existing.metadata()
            && found.uid() != 0
        {
            return Ok(Some(Self { uid: found.uid(), gid: found.gid() }));
        }
        CANDIDATES
            .iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .map(|user| Some(Self { uid: user.uid.as_raw(), gid: user.gid.as_raw() }))
            .ok_or_else(|| Error::NoAccount(CANDIDATES.join(", ")))
    }

    /// Whether the user may pass through `folder` and all that is above it.
    pub(crate) fn reaches(self, folder: &Path) -> bool {
        let Ok(folder) = folder.canonicalize() else { return false };
        folder.ancestors().all(|part| part.metadata().is_ok_and(|found| self.passes(&found)))
    }

    fn passes(self, folder: &std::fs::Metadata) -> bool {
        let mode = folder.permissions().mode();
        let bit = if folder.uid() == self.uid {
            0o100
        } else if folder.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        mode & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn a_closed_folder_is_passed_by_its_owner_alone() {
        let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir().unwrap();
        let owner = folder.path().metadata().unwrap();
        let us = Account { uid: owner.uid(), gid: owner.gid() };
        let other = Account { uid: us.uid + 1, gid: us.gid + 1 };
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        assert!(us.reaches(&inner));
        assert!(!other.reaches(&inner));
        assert!(!us.reaches(&folder.path().join("absent")));
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
        assert!(other.reaches(&inner));
    }
}
