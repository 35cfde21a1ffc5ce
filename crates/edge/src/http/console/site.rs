//! The console that an edge serves, which may come later than the edge itself.

use std::path::Path;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use super::files::Files;

/// What is served at `/`. Cheap to clone; all clones are the same.
#[derive(Clone, Default)]
pub struct Site(Arc<ArcSwap<State>>);

/// What there is of it.
#[derive(Default)]
pub(super) enum State {
    #[default]
    Absent,
    BeingBuilt,
    There(Files),
}

impl Site {
    /// The files of a folder. Where it holds no console the log says so and nothing is served.
    #[must_use]
    pub fn open(folder: &Path) -> Self {
        let site = Self::default();
        match Files::read(folder) {
            Ok(files) => site.put(files),
            Err(error) => {
                tracing::warn!(%error, folder = %folder.display(), "there is no console in the configured folder");
            }
        }
        site
    }

    /// Serves these files from now on.
    pub fn put(&self, files: Files) {
        self.0.store(Arc::new(State::There(files)));
    }

    /// Tells those who look that it is being built.
    pub fn set_being_built(&self) {
        self.0.store(Arc::new(State::BeingBuilt));
    }

    /// Tells those who look how to build it.
    pub fn set_absent(&self) {
        self.0.store(Arc::new(State::Absent));
    }

    /// Whether a console is served.
    #[must_use]
    pub fn is_there(&self) -> bool {
        matches!(**self.0.load(), State::There(_))
    }

    pub(super) fn state(&self) -> Guard<Arc<State>> {
        self.0.load()
    }
}
