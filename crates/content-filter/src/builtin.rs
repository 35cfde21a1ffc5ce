//! The filters that there are without a pattern of one's own. All of them look at a text in one pass; those that
//! may have found something then say where.

mod injection;
mod numbers;
mod people;

use std::ops::Range;
use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use crate::config::Slug;

/// A candidate narrowed to what is really meant; `None` when it only looks like it.
type Narrow = fn(&str, Range<usize>) -> Option<Range<usize>>;

/// What a rule is made of.
struct Draft {
    slug: Slug,
    /// What it looks for, in errors about injected instructions.
    name: &'static str,
    /// With a group, that is what is found; the rest says only where to look.
    pattern: &'static str,
    narrow: Narrow,
}

impl Draft {
    const fn new(slug: Slug, name: &'static str, pattern: &'static str) -> Self {
        Self { slug, name, pattern, narrow: |_, range| Some(range) }
    }

    const fn checked(slug: Slug, name: &'static str, pattern: &'static str, narrow: Narrow) -> Self {
        Self { slug, name, pattern, narrow }
    }
}

#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) slug: Slug,
    pub(crate) name: &'static str,
    regex: Regex,
    narrow: Narrow,
}

impl Rule {
    /// Everything that the rule finds, in order and apart from each other.
    pub(crate) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(captures) = self.regex.captures_at(text, at) {
            let Some(whole) = captures.get(0) else { break };
            let meant = captures.get(1).unwrap_or(whole);
            at = match (self.narrow)(text, meant.range()) {
                Some(range) => {
                    let end = range.end;
                    found.push(range);
                    end
                }
                // What is meant may begin inside of what only looked like it.
                None => next(text, whole.start()),
            };
        }
        found
    }
}

/// Where the character after the one at `at` begins.
fn next(text: &str, at: usize) -> usize {
    let step = text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
    (at + step).min(text.len())
}

/// All rules.
#[derive(Debug)]
pub(crate) struct Rules {
    set: RegexSet,
    each: Vec<Rule>,
}

impl Rules {
    fn compile() -> Result<Self, regex::Error> {
        let drafts = || numbers::RULES.iter().chain(&people::RULES).chain(&injection::RULES);
        let compile = |draft: &Draft| {
            let regex = Regex::new(draft.pattern)?;
            Ok(Rule { slug: draft.slug, name: draft.name, regex, narrow: draft.narrow })
        };
        Ok(Self {
            set: RegexSet::new(drafts().map(|draft| draft.pattern))?,
            each: drafts().map(compile).collect::<Result<_, regex::Error>>()?,
        })
    }

    /// The rules that may find something in a text.
    pub(crate) fn candidates(&self, text: &str) -> impl Iterator<Item = &Rule> {
        self.set.matches(text).into_iter().filter_map(|index| self.each.get(index))
    }
}

/// The rules are constants; they are compiled once for all tenants, when the first of them uses one.
static RULES: LazyLock<Result<Rules, regex::Error>> = LazyLock::new(Rules::compile);

/// # Errors
/// What is wrong with a rule, which only a bug brings about.
pub(crate) fn rules() -> Result<&'static Rules, &'static regex::Error> {
    RULES.as_ref()
}
