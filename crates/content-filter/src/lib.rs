//! What guardrails look for in a request's texts: personal data, injected instructions, patterns of the tenant's own.
//!
//! [`Filters::build`] takes what the guardrails of a key say, [`Filters::apply`] searches the body of a request in any
//! dialect. Nothing here does I/O, and what was found is never kept: a [`Finding`] names the filter alone.
//!
//! - `walk` says which texts of a body a model reads, and writes the body without what was found. Everything else
//!   in it stays as it was written (`json`).
//! - `scan` searches one text with all filters.
//! - `builtin` has the filters that need no pattern, `pattern` says which patterns are taken.
//!
//! Time is linear in the body: no filter goes back over a text.

mod builtin;
mod config;
mod finding;
mod json;
mod pattern;
mod scan;
mod span;
mod walk;

use std::sync::Arc;

pub use config::{Action, BuiltinFilter, CustomFilter, FilterConfig, ScanScope, Slug};
pub use finding::{Finding, Findings};
pub use json::Unreadable;
pub use pattern::BadPattern;

use scan::Scanner;

/// All content filters that apply to one key. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Filters(Option<Arc<Scanner>>);

/// What became of a body.
#[derive(Debug, Clone, Default)]
pub struct Screened {
    /// The body as it may go on; `None` = as it came.
    pub body: Option<Vec<u8>>,
    pub findings: Findings,
}

impl Filters {
    /// The filters of several guardrails as one: each finds what it would find alone, the strictest action counts,
    /// and a phrase that one allows is allowed.
    ///
    /// # Errors
    /// [`BadPattern`] for the first pattern or phrase that is refused.
    pub fn build(configs: &[FilterConfig]) -> Result<Self, BadPattern> {
        Scanner::of(configs).map(|scanner| Self(scanner.map(Arc::new)))
    }

    /// Whether there is nothing to look for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether there are patterns of the tenant's own, which may take their time.
    #[must_use]
    pub fn has_patterns(&self) -> bool {
        self.0.as_ref().is_some_and(|scanner| !scanner.patterns.is_empty())
    }

    /// Searches a body. A body that is to be blocked has nothing replaced that anybody may send.
    ///
    /// # Errors
    /// [`Unreadable`] when it is no JSON object whose texts can be read.
    pub fn apply(&self, body: &[u8]) -> Result<Screened, Unreadable> {
        let mut screened = Screened::default();
        if let Some(scanner) = &self.0 {
            let now = walk::body(scanner, body, &mut screened.findings)?;
            screened.body = now.map(String::into_bytes);
        }
        Ok(screened)
    }
}

#[cfg(test)]
mod tests;
