//! The source code that this binary was built from.

use std::path::{Path, PathBuf};

/// A folder with the console's source code.
#[derive(Debug, Clone)]
pub(super) struct Checkout(PathBuf);

impl Checkout {
    /// The one that the binary lies in, as below `target/`, else the one that it was started in.
    pub(super) fn find() -> Option<Self> {
        let binary = std::env::current_exe().ok();
        let started_in = std::env::current_dir().ok();
        [binary, started_in].into_iter().flatten().find_map(|place| Self::above(&place))
    }

    pub(super) fn above(place: &Path) -> Option<Self> {
        let is_checkout = |folder: &&Path| {
            ["console/package.json", "crates/patchbay/Cargo.toml"]
                .iter()
                .all(|file| folder.join(file).is_file())
        };
        place.ancestors().find(is_checkout).map(|folder| Self(folder.to_owned()))
    }

    /// Where the console's source code is.
    pub(super) fn console(&self) -> PathBuf {
        self.0.join("console")
    }

    /// Where the built console is.
    pub(super) fn dist(&self) -> PathBuf {
        self.console().join("dist")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_is_found_from_below() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.ancestors().nth(2).unwrap();
        assert_eq!(Checkout::above(&here.join("src")).unwrap().console(), root.join("console"));
        assert!(Checkout::above(&root.join("console")).is_some());
        assert!(Checkout::above(root.parent().unwrap()).is_none());
        assert!(
            Checkout::above(&tempfile::tempdir().unwrap().path().join("target/debug/patchbay")).is_none()
        );
    }
}
