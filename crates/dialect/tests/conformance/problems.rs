//! What was found to be wrong with one exchange.

/// Gathers all of it, so that one run tells everything.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    place: String,
    found: Vec<String>,
}

impl Problems {
    /// Where the next ones are found, such as `chat, streamed`.
    pub(crate) fn at(&mut self, place: &str) {
        place.clone_into(&mut self.place);
    }

    pub(crate) fn check(&mut self, is_right: bool, wrong: impl FnOnce() -> String) {
        if !is_right {
            self.add(wrong());
        }
    }

    pub(crate) fn add(&mut self, wrong: impl AsRef<str>) {
        self.found.push(format!("{}: {}", self.place, wrong.as_ref()));
    }

    pub(crate) fn all(self) -> Vec<String> {
        self.found
    }
}
