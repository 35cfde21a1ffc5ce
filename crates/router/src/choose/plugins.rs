//! The settings of router models: those entries of a request's `plugins` that concern them.

mod members;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::paid::Cap;
use super::pattern::Patterns;
use crate::catalogue::Capability;
use members::Members;

/// A plugin's setting means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPlugin {
    #[error("`plugins` must be a list of objects with an `id`")]
    Shape,
    #[error("`plugins` has more than one entry `{0}`")]
    Twice(String),
    #[error("`plugins`: `{plugin}` has no member `{member}`")]
    Unknown { plugin: String, member: String },
    #[error("`plugins`: `{member}` of `{plugin}` must be {expected}")]
    Value { plugin: String, member: &'static str, expected: String },
}

/// What a request sets for each router model; the defaults where it sets nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plugins {
    pub(super) auto: AutoSettings,
    /// `openrouter/auto-beta` has settings of its own.
    pub(super) auto_beta: AutoSettings,
    pub(super) pareto: ParetoSettings,
    pub(super) cheapest: CheapestSettings,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct AutoSettings {
    /// Empty = every model.
    pub(super) allowed: Patterns,
    pub(super) excluded: Patterns,
    /// `None` = the operator's default.
    pub(super) cost_tier: Option<CostTier>,
    /// Whether the model that wrote the last turn goes on while it is a candidate.
    pub(super) pins_model: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ParetoSettings {
    /// In millionths.
    pub(super) min_score: Option<u32>,
    /// The most that an input token may cost.
    pub(super) max_price: Option<Cap>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct CheapestSettings {
    pub(super) require: Vec<Capability>,
    /// Tokens.
    pub(super) min_context_length: u64,
    /// Tokens.
    pub(super) min_output_length: u64,
    pub(super) min_score: Option<MinScore>,
    /// Empty = every model.
    pub(super) allowed: Patterns,
    pub(super) excluded: Patterns,
}

/// The least that must have been measured of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MinScore {
    pub(super) kind: ScoreKind,
    /// In millionths.
    pub(super) value: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScoreKind {
    Intelligence,
    Coding,
    Agentic,
}

impl ScoreKind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Intelligence => "intelligence",
            Self::Coding => "coding",
            Self::Agentic => "agentic",
        }
    }
}

/// A fifth of the candidates by price, from the cheapest to the dearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CostTier {
    #[default]
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

impl CostTier {
    const ALL: [Self; 5] = [Self::Low, Self::Medium, Self::High, Self::Xhigh, Self::Max];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// The tier of the older scale from 0, the best, to 10, the cheapest.
    const fn of_tradeoff(tradeoff: u64) -> Self {
        match tradeoff {
            0..=2 => Self::Max,
            3..=4 => Self::Xhigh,
            5..=6 => Self::High,
            7..=8 => Self::Medium,
            _ => Self::Low,
        }
    }
}

impl Plugins {
    /// Reads a JSON array of plugin entries; empty text = none. Entries that concern no router model are passed
    /// over, and so are the settings of an entry that is not `enabled`.
    ///
    /// # Errors
    /// [`BadPlugin`] with the first member that is unknown or has no meaning.
    pub fn read(json: &str) -> Result<Self, BadPlugin> {
        Self::read_with(json, &[]).map(|(plugins, _)| plugins)
    }

    /// The same, where the entries with these ids are nobody's who could mend the request: what is wrong with one
    /// leaves it out. Those that are left out, too.
    ///
    /// # Errors
    /// As [`Self::read`], of the other entries.
    pub fn read_with(json: &str, defaults: &[String]) -> Result<(Self, Vec<BadPlugin>), BadPlugin> {
        let (mut plugins, mut left_out) = (Self::default(), Vec::new());
        if json.is_empty() {
            return Ok((plugins, left_out));
        }
        let entries: Vec<Map<String, Value>> = serde_json::from_str(json).map_err(|_| BadPlugin::Shape)?;
        let mut seen: Vec<&str> = Vec::new();
        for entry in &entries {
            let id = entry.get("id").and_then(Value::as_str).ok_or(BadPlugin::Shape)?;
            if !matches!(id, "auto-router" | "auto-beta-router" | "pareto-router" | "cheapest-router") {
                continue;
            }
            if seen.contains(&id) {
                return Err(BadPlugin::Twice(id.to_owned()));
            }
            seen.push(id);
            let members = Members { plugin: id, entry };
            let read = match id {
                "auto-router" => members.enabled(&mut plugins.auto, auto),
                "auto-beta-router" => members.enabled(&mut plugins.auto_beta, auto),
                "pareto-router" => members.enabled(&mut plugins.pareto, pareto),
                _ => members.enabled(&mut plugins.cheapest, cheapest),
            };
            match read {
                Err(bad) if defaults.iter().any(|one| one == id) => left_out.push(bad),
                read => read?,
            }
        }
        Ok((plugins, left_out))
    }
}

fn auto(members: &Members<'_>) -> Result<AutoSettings, BadPlugin> {
    members.only(&[
        "cost_tier",
        "cost_quality_tradeoff",
        "pin_model",
        "allowed_models",
        "excluded_models",
    ])?;
    let tiers = CostTier::ALL.map(CostTier::name);
    let named = members.word("cost_tier", &tiers)?.and_then(|at| CostTier::ALL.get(at).copied());
    let tradeoff = members.whole("cost_quality_tradeoff", 10)?.map(CostTier::of_tradeoff);
    let (allowed, excluded) = members.patterns()?;
    let pins_model = members.boolean("pin_model")?.unwrap_or(false);
    Ok(AutoSettings { allowed, excluded, cost_tier: named.or(tradeoff), pins_model })
}

fn pareto(members: &Members<'_>) -> Result<ParetoSettings, BadPlugin> {
    members.only(&["min_coding_score", "max_price", "price_source"])?;
    // Without a record of traffic, what it was charged on average is its list price.
    members.word("price_source", &["prompt", "weighted_avg"])?;
    Ok(ParetoSettings {
        min_score: members.share("min_coding_score")?,
        max_price: members.price_per_million("max_price")?,
    })
}

fn cheapest(members: &Members<'_>) -> Result<CheapestSettings, BadPlugin> {
    members.only(&[
        "require",
        "min_context_length",
        "min_output_length",
        "min_score",
        "allowed_models",
        "excluded_models",
    ])?;
    let (allowed, excluded) = members.patterns()?;
    Ok(CheapestSettings {
        require: members.capabilities("require")?,
        min_context_length: members.whole("min_context_length", u64::MAX)?.unwrap_or(0),
        min_output_length: members.whole("min_output_length", u64::MAX)?.unwrap_or(0),
        min_score: members.min_score("min_score")?,
        allowed,
        excluded,
    })
}
