//! The filters that there are without a pattern of one's own. One pass over a text says which of them can find
//! anything in it at all, by small cues; those then say where.

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
    /// What is in every text that the pattern finds something in. All cues together have to stay small: the pass
    /// that looks for them is as fast as it has few states.
    cue: &'static str,
    /// With a group, that is what is found; the rest says only where to look.
    pattern: &'static str,
    narrow: Narrow,
}

impl Draft {
    const fn new(slug: Slug, name: &'static str, cue: &'static str, pattern: &'static str) -> Self {
        Self { slug, name, cue, pattern, narrow: |_, range| Some(range) }
    }

    const fn narrowed(self, narrow: Narrow) -> Self {
        Self { narrow, ..self }
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
        while let Some((whole, meant)) = self.candidate(text, at) {
            at = match (self.narrow)(text, meant) {
                Some(range) => {
                    let end = range.end;
                    found.push(range);
                    end
                }
                // What is meant may begin inside of what only looked like it.
                None => next(text, whole.start),
            };
        }
        found
    }

    /// What looks like it, with the words around and without.
    fn candidate(&self, text: &str, at: usize) -> Option<(Range<usize>, Range<usize>)> {
        if self.regex.captures_len() == 1 {
            let whole = self.regex.find_at(text, at)?.range();
            return Some((whole.clone(), whole));
        }
        let captures = self.regex.captures_at(text, at)?;
        let whole = captures.get(0)?.range();
        let meant = captures.get(1).map_or_else(|| whole.clone(), |group| group.range());
        Some((whole, meant))
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
            set: RegexSet::new(drafts().map(|draft| draft.cue))?,
            each: drafts().map(compile).collect::<Result<_, regex::Error>>()?,
        })
    }

    /// The rules that may find something in a text; all others find nothing.
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
