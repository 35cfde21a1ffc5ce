//! Which markup a caller pays where.

use ::pricing::Markup;

use crate::convert;
use crate::pricing::MarkupOverride;

/// A caller's markups: the usual one, and what takes its place for some providers and models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Markups<'a> {
    usual: Markup,
    overrides: &'a [MarkupOverride],
}

impl<'a> Markups<'a> {
    #[must_use]
    pub fn new(usual_basis_points: i32, overrides: &'a [MarkupOverride]) -> Self {
        Self { usual: convert::markup(usual_basis_points), overrides }
    }

    /// Where no override fits.
    #[must_use]
    pub const fn usual(self) -> Markup {
        self.usual
    }

    #[must_use]
    pub const fn overrides(self) -> &'a [MarkupOverride] {
        self.overrides
    }

    /// Whether one markup is everybody's.
    #[must_use]
    pub const fn is_uniform(self) -> bool {
        self.overrides.is_empty()
    }

    /// The markup at a provider, by slug, for a model, by public slug with or without a variant: that of the first
    /// override that fits.
    #[must_use]
    pub fn at(self, provider: &str, model: &str) -> Markup {
        if self.is_uniform() {
            return self.usual;
        }
        let stem = model.split(':').next().unwrap_or(model);
        let fits = |wanted: &str, own: &str| wanted.is_empty() || wanted == own;
        let fitting = |one: &&MarkupOverride| fits(&one.provider, provider) && fits(&one.model, stem);
        self.overrides.iter().find(fitting).map_or(self.usual, |one| convert::markup(one.basis_points))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(provider: &str, model: &str, basis_points: i32) -> MarkupOverride {
        MarkupOverride { provider: provider.to_owned(), model: model.to_owned(), basis_points }
    }

    #[test]
    fn the_first_that_fits_counts_and_variants_share_their_models_markup() {
        let overrides = [over("acme", "lab/one", 100), over("", "lab/one", 200), over("acme", "", 300)];
        let markups = Markups::new(400, &overrides);
        for (provider, model, points) in [
            ("acme", "lab/one", 100),
            ("acme", "lab/one:extended", 100),
            ("other", "lab/one", 200),
            ("acme", "lab/two", 300),
            ("other", "lab/two", 400),
            ("acme2", "lab/one2", 400),
        ] {
            assert_eq!(markups.at(provider, model).basis_points(), points, "{provider} {model}");
        }
        assert_eq!(Markups::new(-20_000, &[]).at("acme", "lab/one").basis_points(), -10_000);
    }
}
