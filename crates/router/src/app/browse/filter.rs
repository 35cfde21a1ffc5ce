//! Which rows a list keeps.

use super::row::Facts;
use super::seen::Seen;

/// The least coding score of what passes for a programmer: that of the medium tier of `openrouter/pareto-code`.
const PROGRAMMER: f64 = 0.33;
const SECONDS_PER_DAY: u64 = 86_400;

/// From where to where, both included; `None` = no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds<T> {
    pub(super) min: Option<T>,
    pub(super) max: Option<T>,
}

impl<T> Default for Bounds<T> {
    fn default() -> Self {
        Self { min: None, max: None }
    }
}

impl<T: PartialOrd> Bounds<T> {
    const fn is_open(&self) -> bool {
        self.min.is_none() && self.max.is_none()
    }

    /// What is unknown is within no bounds.
    fn admit(&self, value: Option<T>) -> bool {
        match value {
            None => self.is_open(),
            Some(value) => {
                self.min.as_ref().is_none_or(|min| value >= *min)
                    && self.max.as_ref().is_none_or(|max| value <= *max)
            }
        }
    }
}

/// Everything that a row has to meet. Lists are of alternatives, but for parameters, inputs and words, all of
/// which are wanted; empty lists want nothing.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// Lower-case words of the name or slug.
    pub(super) words: Vec<String>,
    /// There are no figures about use by category. `programming` keeps models with a coding score of at least
    /// 0.33; every other category keeps nothing.
    pub(super) category: Option<String>,
    pub(super) parameters: Vec<String>,
    pub(super) inputs: Vec<String>,
    /// Empty = `text`.
    pub(super) outputs: Vec<String>,
    /// Tokens.
    pub(super) context: Option<u64>,
    /// The caller's prices in pico-USD per million tokens.
    pub(super) prompt_price: Bounds<i64>,
    pub(super) completion_price: Bounds<i64>,
    /// Tokenizer, with or without its number, or family; lower case.
    pub(super) architecture: Option<String>,
    /// Lower case, as `providers`.
    pub(super) authors: Vec<String>,
    /// Slugs or names.
    pub(super) providers: Vec<String>,
    pub(super) distillable: Option<bool>,
    pub(super) zero_data_retention: bool,
    pub(super) region: Option<String>,
    pub(super) age_days: Bounds<u64>,
    /// Our scores times a hundred.
    pub(super) intelligence: Bounds<f64>,
    pub(super) coding: Bounds<f64>,
    pub(super) agentic: Bounds<f64>,
    /// Share of the answers with tool calls whose calls were sound.
    pub(super) tool_success: Bounds<f64>,
}

impl Filter {
    pub(super) fn admits(&self, row: &Facts, seen: &Seen<'_>) -> bool {
        self.admits_kind(row) && self.admits_offer(row) && self.admits_figures(row, seen)
    }

    /// What the model is.
    fn admits_kind(&self, row: &Facts) -> bool {
        let has = |own: &[String], wanted: &str| own.iter().any(|name| name == wanted);
        let text = format!("{} {}", row.name, row.slug).to_lowercase();
        let outputs = |wanted: &String| wanted == "all" || has(&row.outputs, wanted);
        let answers = if self.outputs.is_empty() {
            has(&row.outputs, "text")
        } else {
            self.outputs.iter().any(outputs)
        };
        let author = row.author.trim_start_matches('~').to_lowercase();
        answers
            && self.words.iter().all(|word| text.contains(word))
            && self.parameters.iter().all(|name| has(&row.parameters, name))
            && self.inputs.iter().all(|kind| has(&row.inputs, kind))
            && self.context.is_none_or(|least| row.context_length >= least)
            && self.architecture.as_ref().is_none_or(|wanted| is_of(row, wanted))
            && (self.authors.is_empty() || has(&self.authors, &author))
            && self.distillable.is_none_or(|wanted| row.distillable == wanted)
    }

    /// Who serves it, how and at what price.
    fn admits_offer(&self, row: &Facts) -> bool {
        // Bounds are per million tokens, so that small ones keep all of their digits.
        let per_million = |picos: i64| picos.saturating_mul(1_000_000);
        self.prompt_price.admit(row.prices.map(|(prompt, _)| per_million(prompt)))
            && self.completion_price.admit(row.prices.map(|(_, completion)| per_million(completion)))
            && (self.providers.is_empty() || self.providers.iter().any(|name| row.providers.contains(name)))
            && (!self.zero_data_retention || row.zero_data_retention)
            && self.region.as_ref().is_none_or(|region| row.regions.contains(region))
    }

    /// What was measured of it.
    fn admits_figures(&self, row: &Facts, seen: &Seen<'_>) -> bool {
        let index = |score: Option<f64>| score.map(|score| score * 100.0);
        let age = (seen.now_ms / 1_000).saturating_sub(row.created) / SECONDS_PER_DAY;
        let is_of_category = |category: &String| {
            category == "programming" && row.scores.coding.is_some_and(|score| score >= PROGRAMMER)
        };
        self.category.as_ref().is_none_or(is_of_category)
            && self.age_days.admit(Some(age))
            && self.intelligence.admit(index(row.scores.intelligence))
            && self.coding.admit(index(row.scores.coding))
            && self.agentic.admit(index(row.scores.agentic))
            && (self.tool_success.is_open() || self.tool_success.admit(seen.tool_success(row)))
    }
}

/// Whether a row is of an architecture: `llama` is `Llama3` too.
fn is_of(row: &Facts, wanted: &str) -> bool {
    let tokenizer = row.tokenizer.to_lowercase();
    let plain = tokenizer.trim_end_matches(|digit: char| digit.is_ascii_digit());
    tokenizer == wanted
        || plain == wanted
        || row.family.as_ref().is_some_and(|family| family.to_lowercase() == wanted)
}
