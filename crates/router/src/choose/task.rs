//! What a conversation is about, and what a model must be good at for it.

use crate::catalogue::Model;

/// The subject of a conversation, as the edge's classifier says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Task {
    Code,
    Math,
    Translation,
    Summarization,
    Extraction,
    Classification,
    Creative,
    Reasoning,
    Agent,
    Vision,
    LongContext,
    #[default]
    Chat,
}

/// How much each kind of measurement counts; only their proportion matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weights {
    pub(super) intelligence: u32,
    pub(super) coding: u32,
    pub(super) agentic: u32,
}

impl Weights {
    pub(super) const INTELLIGENCE: Self = Self { intelligence: 1, coding: 0, agentic: 0 };
    pub(super) const CODING: Self = Self { intelligence: 0, coding: 1, agentic: 0 };
    pub(super) const AGENTIC: Self = Self { intelligence: 0, coding: 0, agentic: 1 };
}

impl Task {
    const ALL: [Self; 12] = [
        Self::Code,
        Self::Math,
        Self::Translation,
        Self::Summarization,
        Self::Extraction,
        Self::Classification,
        Self::Creative,
        Self::Reasoning,
        Self::Agent,
        Self::Vision,
        Self::LongContext,
        Self::Chat,
    ];

    /// The task of a word. One that nobody knows is chat: a request is never refused for it.
    #[must_use]
    pub fn named(word: &str) -> Self {
        Self::ALL.into_iter().find(|task| task.name() == word).unwrap_or_default()
    }

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Math => "math",
            Self::Translation => "translation",
            Self::Summarization => "summarization",
            Self::Extraction => "extraction",
            Self::Classification => "classification",
            Self::Creative => "creative",
            Self::Reasoning => "reasoning",
            Self::Agent => "agent",
            Self::Vision => "vision",
            Self::LongContext => "long_context",
            Self::Chat => "chat",
        }
    }

    pub(super) const fn weights(self) -> Weights {
        match self {
            Self::Code => Weights { intelligence: 1, coding: 4, agentic: 0 },
            Self::Agent => Weights { intelligence: 1, coding: 1, agentic: 3 },
            Self::Extraction => Weights { intelligence: 4, coding: 0, agentic: 1 },
            _ => Weights::INTELLIGENCE,
        }
    }
}

/// How well a model does, in millionths: the weighted mean of what was measured of the kinds that count; where
/// none of those was, the mean of what was; where nothing was, what its price suggests.
pub(super) fn score(model: &Model, weights: Weights) -> u32 {
    let scores = &model.row.scores;
    let kinds = [
        (weights.intelligence, scores.intelligence),
        (weights.coding, scores.coding),
        (weights.agentic, scores.agentic),
    ];
    let mean = |weight: &dyn Fn(u32) -> u64| {
        let measured =
            kinds.iter().filter_map(|(own, score)| Some((weight(*own), u64::from(millionths((*score)?)))));
        let (sum, total) =
            measured.fold((0, 0), |(sum, total), (weight, score)| (sum + weight * score, total + weight));
        u64::checked_div(sum, total).and_then(|mean| u32::try_from(mean).ok())
    };
    mean(&u64::from).or_else(|| mean(&|_| 1)).unwrap_or(model.estimated_score)
}

/// What was measured of the one kind that counts, in millionths, if it was.
pub(super) fn measured(model: &Model, weights: Weights) -> Option<u32> {
    let scores = &model.row.scores;
    let kind = match weights {
        Weights::CODING => scores.coding,
        Weights::AGENTIC => scores.agentic,
        _ => scores.intelligence,
    };
    kind.map(millionths)
}

/// A score from 0 to 1 as a whole number, which compares the same everywhere.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
pub(super) fn millionths(score: f64) -> u32 {
    (score.clamp(0.0, 1.0) * 1_000_000.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_has_a_word_and_an_unknown_word_is_chat() {
        for task in Task::ALL {
            assert_eq!(Task::named(task.name()), task);
        }
        assert_eq!(Task::named("juggling"), Task::Chat);
        assert_eq!(Task::named(""), Task::Chat);
    }
}
