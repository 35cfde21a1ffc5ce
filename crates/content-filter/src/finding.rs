//! What was found, without a word of it.

use crate::config::{Action, Slug};

/// What one filter found in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `None` = a pattern of the tenant's own.
    pub slug: Option<Slug>,
    /// The name of the filter, which is also its mark.
    pub label: String,
    /// The strictest of the filters that found it.
    pub action: Action,
    /// For injected instructions: which wordings.
    pub wordings: Vec<&'static str>,
}

/// What all filters found in a request, each filter once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn add(
        &mut self,
        slug: Option<Slug>,
        label: &str,
        action: Action,
        wording: Option<&'static str>,
    ) {
        let known = self.0.iter().position(|known| known.slug == slug && known.label == label);
        let index = known.unwrap_or_else(|| {
            self.0.push(Finding { slug, label: label.to_owned(), action, wordings: Vec::new() });
            self.0.len() - 1
        });
        let Some(finding) = self.0.get_mut(index) else { return };
        finding.action = finding.action.max(action);
        if let Some(wording) = wording
            && !finding.wordings.contains(&wording)
        {
            finding.wordings.push(wording);
        }
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.0.iter()
    }

    /// The first filter that refuses the request.
    #[must_use]
    pub fn blocking(&self) -> Option<&Finding> {
        self.0.iter().find(|finding| finding.action == Action::Block)
    }
}

impl<'a> IntoIterator for &'a Findings {
    type Item = &'a Finding;
    type IntoIter = std::slice::Iter<'a, Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
