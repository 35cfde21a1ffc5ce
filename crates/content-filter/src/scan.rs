//! One text: what is in it, and the text without.

use std::ops::Range;

use crate::builtin::{self, Rules};
use crate::config::{Action, FilterConfig, ScanScope, Slug};
use crate::finding::Findings;
use crate::pattern::{BadPattern, Patterns, phrases};
use crate::span::Spans;

/// How often a text is searched again after something in it was replaced: what is left may match where the whole
/// did not.
const PASSES: usize = 4;

/// By how many bytes marks may make a text or a body longer.
pub(crate) const MAX_GROWTH: usize = 4 * 1024 * 1024;

/// Whose words a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    User,
    Other,
}

/// All filters of one key, ready to search.
#[derive(Debug)]
pub(crate) struct Scanner {
    rules: &'static Rules,
    /// Those that look for personal data.
    personal: Vec<(Slug, Action)>,
    injections: Vec<Injection>,
    /// Phrases that are no injection, in lower case.
    allowed: Vec<String>,
    pub(crate) patterns: Vec<Patterns>,
    /// What stands in the place of what was found.
    marks: Vec<String>,
}

/// One guardrail's search for injected instructions.
#[derive(Debug)]
struct Injection {
    action: Action,
    scope: ScanScope,
}

struct Match<'f> {
    slug: Option<Slug>,
    label: &'f str,
    action: Action,
    wording: Option<&'static str>,
    range: Range<usize>,
}

struct Replaced<'f> {
    text: String,
    /// The first of the marks.
    mark: &'f str,
}

impl Scanner {
    /// `None` when there is nothing to look for.
    ///
    /// # Errors
    /// [`BadPattern`] for the first thing that is refused.
    pub(crate) fn of(configs: &[FilterConfig]) -> Result<Option<Self>, BadPattern> {
        let rules = builtin::rules().map_err(|error| BadPattern::new(0, error.to_string()))?;
        let mut scanner = Self {
            rules,
            personal: Vec::new(),
            injections: Vec::new(),
            allowed: Vec::new(),
            patterns: Vec::new(),
            marks: Vec::new(),
        };
        for config in configs {
            scanner.allowed.extend(phrases(config)?);
            for filter in &config.builtin {
                if filter.slug == Slug::RegexPromptInjection {
                    let scope = filter.scan_scope.unwrap_or_default();
                    scanner.injections.push(Injection { action: filter.action, scope });
                } else {
                    scanner.look_for(filter.slug, filter.action);
                }
            }
            scanner.patterns.extend(Patterns::of(&config.custom)?);
        }
        scanner.marks = scanner.marks();
        let is_idle =
            scanner.personal.is_empty() && scanner.injections.is_empty() && scanner.patterns.is_empty();
        Ok((!is_idle).then_some(scanner))
    }

    fn look_for(&mut self, slug: Slug, action: Action) {
        match self.personal.iter_mut().find(|(known, _)| *known == slug) {
            Some((_, known)) => *known = (*known).max(action),
            None => self.personal.push((slug, action)),
        }
    }

    fn marks(&self) -> Vec<String> {
        let custom = self.patterns.iter().flat_map(|patterns| &patterns.each);
        let custom =
            custom.filter(|pattern| pattern.action == Action::Redact).map(|pattern| pattern.label.clone());
        let personal = self.personal.iter().filter(|(_, action)| *action == Action::Redact);
        let personal = personal.map(|(slug, _)| slug.label().to_owned());
        let mut marks: Vec<String> = custom.chain(personal).collect();
        if self.injections.iter().any(|injection| injection.action == Action::Redact) {
            marks.push(Slug::RegexPromptInjection.label().to_owned());
        }
        marks.sort_unstable();
        marks.dedup();
        marks
    }

    /// Notes what is in a text. Gives the text as it may go on, where that is another one: nothing that is to be
    /// redacted is found in it any more, except inside of marks.
    pub(crate) fn examine(&self, text: &str, speaker: Speaker, findings: &mut Findings) -> Option<String> {
        let matches = self.matches(text, speaker);
        for found in &matches {
            findings.add(found.slug, found.label, found.action, found.wording);
        }
        let mut now = self.replaced(text, matches)?.text;
        for _ in 0..PASSES {
            match self.replaced(&now, self.matches(&now, speaker)) {
                Some(next) => now = next.text,
                None => return Some(now),
            }
        }
        // A pattern that finds something again and again beside its own mark leaves no other text at all.
        let again = self.replaced(&now, self.matches(&now, speaker));
        Some(again.map_or(now, |again| again.mark.to_owned()))
    }

    fn matches(&self, text: &str, speaker: Speaker) -> Vec<Match<'_>> {
        let mut matches = Vec::new();
        if !self.personal.is_empty() || !self.injections.is_empty() {
            for rule in self.rules.candidates(text) {
                self.by_rule(rule, text, speaker, &mut matches);
            }
        }
        for patterns in &self.patterns {
            for pattern in patterns.set.matches(text).into_iter().filter_map(|index| patterns.each.get(index))
            {
                let found = pattern.regex.find_iter(text).filter(|found| !found.is_empty());
                matches.extend(found.map(|found| Match {
                    slug: None,
                    label: &pattern.label,
                    action: pattern.action,
                    wording: None,
                    range: found.range(),
                }));
            }
        }
        matches
    }

    fn by_rule<'f>(
        &'f self,
        rule: &'f builtin::Rule,
        text: &str,
        speaker: Speaker,
        out: &mut Vec<Match<'f>>,
    ) {
        let slug = Some(rule.slug);
        let label = rule.slug.label();
        if rule.slug != Slug::RegexPromptInjection {
            let Some((_, action)) = self.personal.iter().find(|(known, _)| *known == rule.slug) else {
                return;
            };
            let found = rule.find(text).into_iter();
            out.extend(found.map(|range| Match { slug, label, action: *action, wording: None, range }));
            return;
        }
        let is_heard =
            |injection: &&Injection| injection.scope == ScanScope::AllMessages || speaker == Speaker::User;
        if let Some(action) = self.injections.iter().filter(is_heard).map(|injection| injection.action).max()
        {
            let found = self.not_allowed(text, rule.find(text)).into_iter();
            out.extend(found.map(|range| Match { slug, label, action, wording: Some(rule.name), range }));
        }
    }

    /// Those of the matches, which are in order, that no allowed phrase covers and that have none in them.
    fn not_allowed(&self, text: &str, mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
        if self.allowed.is_empty() || found.is_empty() {
            return found;
        }
        let phrases = Spans::of(&text.to_lowercase(), &self.allowed);
        // A letter may have more bytes in lower case.
        let lowered = |part: Option<&str>| -> usize {
            let letters = part.unwrap_or_default().chars().flat_map(char::to_lowercase);
            letters.map(char::len_utf8).sum()
        };
        let (mut done, mut at) = (0, 0);
        found.retain(|range| {
            let start = at + lowered(text.get(done..range.start));
            let end = start + lowered(text.get(range.start..range.end));
            (done, at) = (range.end, end);
            !phrases.cover(&(start..end)) && !phrases.lie_within(&(start..end))
        });
        found
    }

    /// The text with marks in the place of what is to be redacted; `None` when that is nothing.
    fn replaced<'f>(&self, text: &str, mut matches: Vec<Match<'f>>) -> Option<Replaced<'f>> {
        matches.retain(|found| found.action == Action::Redact);
        if matches.is_empty() {
            return None;
        }
        let marks = Spans::of(text, &self.marks);
        matches.retain(|found| !marks.cover(&found.range));
        matches.sort_by_key(|found| (found.range.start, std::cmp::Reverse(found.range.end)));
        let mark = matches.first()?.label;
        let mut now = String::with_capacity(text.len());
        let mut done = 0;
        for found in &matches {
            if now.len() > text.len() + MAX_GROWTH {
                // Marks alone would be longer than any prompt may be.
                return Some(Replaced { text: mark.to_owned(), mark });
            }
            // What overlaps goes with what began before it.
            if found.range.start >= done {
                now.push_str(text.get(done..found.range.start).unwrap_or_default());
                now.push_str(found.label);
            }
            done = done.max(found.range.end);
        }
        now.push_str(text.get(done..).unwrap_or_default());
        Some(Replaced { text: now, mark })
    }
}
