//! What is not in a plan, and why.

use super::Reason;

/// An endpoint, or a model's name where there is no endpoint, that is not in the plan, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exclusion<'a> {
    pub subject: Subject<'a>,
    pub reason: Reason,
}

/// What was excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// Index of an endpoint in the catalogue.
    Endpoint(usize),
    /// A name as the client wrote it.
    Name(&'a str),
}

/// Exclusions as they come up: written down where somebody wants to know, else only counted.
#[derive(Debug, Default)]
pub(super) struct Excluded<'a> {
    list: Vec<Exclusion<'a>>,
    count: usize,
    records: bool,
}

impl<'a> Excluded<'a> {
    pub(super) fn new(records: bool) -> Self {
        Self { records, ..Self::default() }
    }

    pub(super) fn push(&mut self, endpoint: usize, reason: Reason) {
        self.count += 1;
        if self.records {
            self.list.push(Exclusion { subject: Subject::Endpoint(endpoint), reason });
        }
    }

    /// Names are few and always written down.
    pub(super) fn push_name(&mut self, name: &'a str, reason: Reason) {
        self.list.push(Exclusion { subject: Subject::Name(name), reason });
    }

    /// Of endpoints.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    pub(super) fn into_list(self) -> Vec<Exclusion<'a>> {
        self.list
    }
}
