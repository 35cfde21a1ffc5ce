//! Models that may do in place of one that will not.

use std::cmp::Reverse;

use dialect::canonical::Operation;

use crate::catalogue::{Catalogue, Model};

const AT_MOST: usize = 3;
/// Two names have something in common from so many characters on.
const LIKENESS_AT_LEAST: usize = 3;

/// Slugs of models that can be called: of the same family first, then of the same author, cheapest first.
pub(super) fn to_model(at: usize, catalogue: &Catalogue, operation: Operation, now_ms: u64) -> Vec<String> {
    let Some(model) = catalogue.models().get(at) else { return Vec::new() };
    let is_family = |other: &Model| other.row.family.is_some() && other.row.family == model.row.family;
    let mut others: Vec<(bool, usize)> = catalogue
        .by_price()
        .iter()
        .copied()
        .filter(|other| *other != at)
        .filter_map(|at| Some((at, catalogue.models().get(at)?)))
        .filter(|(_, other)| other.author() == model.author())
        .filter(|(_, other)| is_callable(other, catalogue, operation, now_ms))
        .map(|(at, other)| (!is_family(other), at))
        .collect();
    // Stable: within each half the order by price stands.
    others.sort_by_key(|(is_stranger, _)| *is_stranger);
    slugs(others.into_iter().map(|(_, at)| at), catalogue)
}

/// Slugs of the same author's models whose names begin most alike, the cheaper first of those that are equally
/// so. A name without an author is compared with everybody's.
pub(super) fn to_name(name: &str, catalogue: &Catalogue, operation: Operation, now_ms: u64) -> Vec<String> {
    let (author, tail) = name.split_once('/').map_or((None, name), |(author, tail)| (Some(author), tail));
    let mut others: Vec<(usize, usize)> = catalogue
        .by_price()
        .iter()
        .copied()
        .filter_map(|at| Some((at, catalogue.models().get(at)?)))
        .filter(|(_, other)| author.is_none_or(|author| other.author() == author))
        .filter(|(_, other)| is_callable(other, catalogue, operation, now_ms))
        .map(|(at, other)| (likeness(tail, other.slug()), at))
        .filter(|(likeness, _)| *likeness >= LIKENESS_AT_LEAST)
        .collect();
    others.sort_by_key(|(likeness, _)| Reverse(*likeness));
    slugs(others.into_iter().map(|(_, at)| at), catalogue)
}

fn is_callable(model: &Model, catalogue: &Catalogue, operation: Operation, now_ms: u64) -> bool {
    model.variant().is_none()
        && model.operations.contains(operation)
        && catalogue.endpoints_of(model).iter().any(|endpoint| {
            endpoint.unusable.is_none() && endpoint.retires_ms.is_none_or(|retires_ms| retires_ms > now_ms)
        })
}

/// How many characters the names of two models begin with in common, authors aside.
fn likeness(tail: &str, slug: &str) -> usize {
    let other = slug.split_once('/').map_or(slug, |(_, tail)| tail);
    tail.bytes().zip(other.bytes()).take_while(|(one, two)| one.eq_ignore_ascii_case(two)).count()
}

fn slugs(models: impl Iterator<Item = usize>, catalogue: &Catalogue) -> Vec<String> {
    let models = models.filter_map(|at| catalogue.models().get(at));
    models.take(AT_MOST).map(|model| model.slug().to_owned()).collect()
}
