//! Patterns of tenants: which are taken, and how large they may become.

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::ast::{self, Ast, ErrorKind, RepetitionKind, RepetitionRange, Span};

use crate::config::{Action, CustomFilter, FilterConfig};

/// All patterns of a guardrail together, in characters.
const MAX_CHARACTERS: usize = 100_000;
/// Patterns of a guardrail.
const MAX_PATTERNS: usize = 256;
/// A pattern once it is compiled, in bytes. The time that a text takes grows with it.
const MAX_PROGRAM: usize = 256 * 1024;
/// All patterns of a guardrail once they are compiled together, in bytes.
const MAX_PROGRAMS: usize = 2 * 1024 * 1024;
/// What a search may keep of the states it has seen, in bytes.
const SEARCH_CACHE: usize = 512 * 1024;
/// Groups within groups.
const MAX_NESTING: u32 = 64;
/// Phrases that are allowed, and the bytes of one.
const MAX_PHRASES: usize = 200;
const MAX_PHRASE: usize = 1_000;
/// A label in characters.
const MAX_LABEL: usize = 100;
/// The mark of a pattern without a label.
pub(crate) const REDACTED: &str = "[REDACTED]";

/// A content filter that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadPattern {
    /// Its place among the custom filters of its guardrail, or among the allowed phrases; from 0.
    pub index: usize,
    /// For whoever wrote it: what is wrong, and where.
    pub message: String,
}

impl BadPattern {
    /// The public code of this error.
    pub const CODE: &'static str = "invalid_regex_pattern";

    pub(crate) fn new(index: usize, message: impl Into<String>) -> Self {
        Self { index, message: message.into() }
    }
}

/// The patterns of one guardrail: all in one pass, then each that is there by itself.
#[derive(Debug)]
pub(crate) struct Patterns {
    pub(crate) set: RegexSet,
    pub(crate) each: Vec<Pattern>,
}

#[derive(Debug)]
pub(crate) struct Pattern {
    pub(crate) regex: Regex,
    pub(crate) action: Action,
    pub(crate) label: String,
}

impl Patterns {
    /// `None` when there are none.
    ///
    /// # Errors
    /// [`BadPattern`] for the first that is refused.
    pub(crate) fn of(filters: &[CustomFilter]) -> Result<Option<Self>, BadPattern> {
        if filters.is_empty() {
            return Ok(None);
        }
        if filters.len() > MAX_PATTERNS {
            let message = format!("A guardrail has at most {MAX_PATTERNS} custom patterns.");
            return Err(BadPattern::new(MAX_PATTERNS, message));
        }
        let mut characters = 0;
        let mut each = Vec::with_capacity(filters.len());
        for (index, filter) in filters.iter().enumerate() {
            characters += filter.pattern.chars().count();
            if characters > MAX_CHARACTERS {
                let message = format!(
                    "The custom patterns of a guardrail have at most {MAX_CHARACTERS} characters in all."
                );
                return Err(BadPattern::new(index, message));
            }
            each.push(Pattern::of(filter).map_err(|message| BadPattern::new(index, message))?);
        }
        let set = RegexSetBuilder::new(filters.iter().map(|filter| &filter.pattern))
            .size_limit(MAX_PROGRAMS)
            .dfa_size_limit(SEARCH_CACHE)
            .nest_limit(MAX_NESTING)
            .build()
            .map_err(|error| BadPattern::new(filters.len() - 1, unbuilt(&error, "The custom patterns")))?;
        Ok(Some(Self { set, each }))
    }
}

impl Pattern {
    fn of(filter: &CustomFilter) -> Result<Self, String> {
        if filter.pattern.is_empty() {
            return Err("The pattern is empty.".to_owned());
        }
        let label = filter.label.as_deref().filter(|label| !label.is_empty()).unwrap_or(REDACTED);
        if label.chars().count() > MAX_LABEL {
            return Err(format!("A label has at most {MAX_LABEL} characters."));
        }
        check(&filter.pattern)?;
        let regex = RegexBuilder::new(&filter.pattern)
            .size_limit(MAX_PROGRAM)
            .dfa_size_limit(SEARCH_CACHE)
            .nest_limit(MAX_NESTING)
            .build()
            .map_err(|error| unbuilt(&error, "The pattern"))?;
        Ok(Self { regex, action: filter.action, label: label.to_owned() })
    }
}

fn unbuilt(error: &regex::Error, what: &str) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => {
            format!(
                "{what} would take more than {limit} bytes to search with: use fewer or smaller counted repetitions."
            )
        }
        other => format!("{what} cannot be compiled: {other}"),
    }
}

/// Says which construct cannot be had, and at which character, from 1.
fn check(pattern: &str) -> Result<(), String> {
    let ast = ParserBuilder::new()
        .nest_limit(MAX_NESTING)
        .build()
        .parse(pattern)
        .map_err(|error| refused(pattern, &error))?;
    match nested(&ast, false) {
        Some(span) => Err(format!(
            "The pattern has nested quantifiers, a repetition without an upper bound inside of another, at {}: \
             this is not supported.",
            place(pattern, span)
        )),
        None => Ok(()),
    }
}

fn refused(pattern: &str, error: &ast::Error) -> String {
    let span = *error.span();
    let text = pattern.get(span.start.offset..).unwrap_or_default();
    let construct = match error.kind() {
        ErrorKind::UnsupportedLookAround if text.starts_with("(?<") => "a look-behind",
        ErrorKind::UnsupportedLookAround => "a look-ahead",
        ErrorKind::UnsupportedBackreference => "a back-reference",
        ErrorKind::FlagUnrecognized if text.starts_with('>') => "an atomic group",
        ErrorKind::FlagUnrecognized if text.starts_with('(') => "a conditional",
        ErrorKind::FlagUnrecognized if text.starts_with('R') => "a recursion",
        other => return format!("The pattern is malformed at {}: {other}.", place(pattern, &span)),
    };
    format!("The pattern has {construct} at {}: this is not supported.", place(pattern, &span))
}

fn place(pattern: &str, span: &Span) -> String {
    let before = pattern.get(..span.start.offset).unwrap_or_default();
    format!("character {}", before.chars().count() + 1)
}

/// The first repetition without an upper bound inside of another.
fn nested(ast: &Ast, is_inside: bool) -> Option<&Span> {
    match ast {
        Ast::Repetition(repetition) => {
            let is_unbounded = matches!(
                repetition.op.kind,
                RepetitionKind::ZeroOrMore
                    | RepetitionKind::OneOrMore
                    | RepetitionKind::Range(RepetitionRange::AtLeast(_))
            );
            if is_inside && is_unbounded {
                return Some(&repetition.op.span);
            }
            nested(&repetition.ast, is_inside || is_unbounded)
        }
        Ast::Group(group) => nested(&group.ast, is_inside),
        Ast::Alternation(alternation) => alternation.asts.iter().find_map(|ast| nested(ast, is_inside)),
        Ast::Concat(concat) => concat.asts.iter().find_map(|ast| nested(ast, is_inside)),
        _ => None,
    }
}

/// The phrases of a guardrail as they are compared.
///
/// # Errors
/// [`BadPattern`] when there are too many, or one is empty or too long.
pub(crate) fn phrases(config: &FilterConfig) -> Result<Vec<String>, BadPattern> {
    if config.allowlist.len() > MAX_PHRASES {
        let message = format!("At most {MAX_PHRASES} phrases are allowed.");
        return Err(BadPattern::new(MAX_PHRASES, message));
    }
    let phrases = config.allowlist.iter().enumerate().map(|(index, phrase)| {
        if phrase.is_empty() || phrase.len() > MAX_PHRASE {
            let message = format!("An allowed phrase has 1 to {MAX_PHRASE} bytes.");
            return Err(BadPattern::new(index, message));
        }
        Ok(phrase.to_lowercase())
    });
    phrases.collect()
}
