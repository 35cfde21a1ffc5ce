//! New prices, and the guard against slips of a digit.

use identity::{EndpointId, PriceVersionId};
use pricing::{PriceBook, Rate};

use super::change::{Applied, written};
use crate::Error;
use crate::catalogue::{CLASSES, book_in, book_out};
use crate::store::{Writes, rows};

/// A new price of an endpoint, in effect at once.
#[derive(Debug)]
pub(crate) struct PriceEdit {
    pub(crate) endpoint_id: EndpointId,
    pub(crate) book: PriceBook,
    /// Allows a jump over tenfold.
    pub(crate) force: bool,
}

impl PriceEdit {
    pub(super) fn apply(self, tables: &rows::Tables, actor: &str) -> Result<Applied, Error> {
        if !tables.endpoints.iter().any(|row| row.id == self.endpoint_id) {
            return Err(Error::NotFound { kind: "endpoint", name: self.endpoint_id.to_string() });
        }
        let held = tables.prices.iter().find(|price| price.endpoint_id == self.endpoint_id);
        let before = held.map(written).transpose()?;
        if let Some((held, old)) = held.and_then(|held| Some((held, book_in(&held.book)?))) {
            if old == self.book {
                let after = before.clone();
                let (id, writes) = (held.id.to_string(), Writes::default());
                return Ok(Applied { id, action: "put_price", before, after, writes });
            }
            if !self.force {
                check_jump(&old, &self.book)?;
            }
        }
        let price = rows::Price {
            id: PriceVersionId::generate(),
            endpoint_id: self.endpoint_id,
            book: book_out(&self.book),
            source: actor.to_owned(),
        };
        let (id, after) = (price.id.to_string(), Some(written(&price)?));
        let writes = Writes { prices: vec![price], ..Writes::default() };
        Ok(Applied { id, action: "put_price", before, after, writes })
    }
}

/// Refuses a price that differs more than tenfold from the old one in any class, for short or for the
/// longest prompts; also one that becomes free or stops being so.
pub(super) fn check_jump(old: &PriceBook, new: &PriceBook) -> Result<(), Error> {
    for prompt_tokens in [0, u64::MAX] {
        let (old, new) = (old.rates_for(prompt_tokens), new.rates_for(prompt_tokens));
        for (class, kind) in CLASSES {
            let (from, to) = (old.rate(kind), new.rate(kind));
            if is_jump(from, to) {
                return Err(Error::PriceJump { class, from: from.to_string(), to: to.to_string() });
            }
        }
    }
    Ok(())
}

fn is_jump(from: Rate, to: Rate) -> bool {
    let (low, high) = (from.min(to).picos(), from.max(to).picos());
    i128::from(high) > i128::from(low) * 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_more_than_tenfold_either_way() {
        let rate = Rate::from_picos;
        assert!(!is_jump(rate(1_000), rate(10_000)));
        assert!(is_jump(rate(1_000), rate(10_001)));
        assert!(is_jump(rate(10_001), rate(1_000)));
        assert!(is_jump(rate(0), rate(1)));
        assert!(!is_jump(rate(0), rate(0)));
    }
}
