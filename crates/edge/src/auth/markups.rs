//! What a caller pays on top of list prices.

use std::sync::Arc;

use pricing::Markup;
use rpc::convert;
use rpc::pricing::MarkupOverride;

/// A caller's markups: the usual one, and the overrides in the order in which they are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Markups {
    usual: Markup,
    overrides: Arc<[MarkupOverride]>,
}

impl Markups {
    pub(crate) fn new(usual_basis_points: i32, overrides: Vec<MarkupOverride>) -> Self {
        Self { usual: convert::markup(usual_basis_points), overrides: overrides.into() }
    }

    /// Where no override fits.
    pub(crate) const fn basis_points(&self) -> i32 {
        self.usual.basis_points()
    }

    /// As messages carry them.
    pub(crate) fn overrides(&self) -> Vec<MarkupOverride> {
        self.overrides.to_vec()
    }
}
