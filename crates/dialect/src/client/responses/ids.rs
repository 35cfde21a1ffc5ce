//! Ids of output items that no provider gave one.

/// What follows the kind in an id made here: the start of the answer's own id.
const MADE: &str = "_gen-";

/// `msg_gen-…_2`: always the same for the same item of an answer.
pub(super) fn made_up(kind: &str, answer: &str, position: usize) -> String {
    format!("{kind}_{answer}_{position}")
}

/// Whether an item's id was made here, so that no provider knows it.
pub(crate) fn is_made_up(id: &str) -> bool {
    id.split_once(MADE).is_some_and(|(kind, _)| ["msg", "rs", "fc", "ig"].contains(&kind))
}
