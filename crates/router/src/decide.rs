//! Decisions that are kept: what a plan was made from and what came of it, so that it can be explained and
//! made again, also under other rules.
//!
//! - `record`: what the plan's path hands over, without waiting.
//! - `condense`: what is worth keeping of it, proven to lead to the same plan.
//! - `kept`: the stored form.
//! - `snapshot`: the catalogue that a decision was made from.
//! - `again`: one decision made again, and told.
//! - `change`, `estimate`, `report`: many decisions made again under other rules, and the difference.

mod again;
mod change;
mod condense;
mod estimate;
mod kept;
mod record;
mod report;
mod rules;
mod snapshot;

pub(crate) use again::{Decision, Unreadable, summary};
pub(crate) use change::{Changes, PriceChange};
pub(crate) use condense::{Condenser, Row};
pub(crate) use record::{Record, Recorder};
pub(crate) use report::Report;
pub(crate) use rules::Rules;
pub(crate) use snapshot::Snapshot;
