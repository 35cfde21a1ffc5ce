//! How tenants share what is scarce: this worker's own places, and the endpoints that have only so many.
//!
//! A room of so many places is shared by those who are in it and one more, whoever comes next: that part of it is a
//! tenant's share. Below its share a tenant takes any place that is free. Above it, it leaves the last tenth of the
//! places alone, so that it gives way first and nobody within a share waits for long.

mod endpoints;

use std::collections::HashMap;

pub(crate) use endpoints::{Endpoints, Place};

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crowded {
    /// The tenant has its share.
    Above,
    /// All places are taken. The next one that is left is for a tenant within its share.
    Full,
}

/// Who holds how many places.
#[derive(Debug, Default)]
pub(crate) struct Room {
    all: usize,
    tenants: HashMap<String, usize>,
}

impl Room {
    /// Whether a tenant may take a place where there are so many.
    ///
    /// # Errors
    /// [`Crowded`] when it may not.
    pub(crate) fn admits(&self, tenant: &str, places: usize) -> Result<(), Crowded> {
        let held = self.tenants.get(tenant).copied().unwrap_or(0);
        let sharers = self.tenants.len() + usize::from(held == 0) + 1;
        let is_within = held < (places / sharers).max(1);
        let free = places.saturating_sub(self.all);
        match (is_within, free) {
            (true, 0) => Err(Crowded::Full),
            (true, _) => Ok(()),
            (false, free) if free > places.div_ceil(10) => Ok(()),
            (false, _) => Err(Crowded::Above),
        }
    }

    /// Gives a tenant a place, whether it may take one or not.
    pub(crate) fn enter(&mut self, tenant: &str) {
        self.all += 1;
        *self.tenants.entry(tenant.to_owned()).or_default() += 1;
    }

    /// Takes one back.
    pub(crate) fn leave(&mut self, tenant: &str) {
        let Some(held) = self.tenants.get_mut(tenant) else { return };
        self.all -= 1;
        *held -= 1;
        if *held == 0 {
            self.tenants.remove(tenant);
        }
    }

    /// Places that are taken.
    pub(crate) const fn taken(&self) -> usize {
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes places for a tenant until it may take no more.
    fn fill(room: &mut Room, tenant: &str, places: usize) -> (usize, Crowded) {
        let mut taken = 0;
        loop {
            match room.admits(tenant, places) {
                Ok(()) => room.enter(tenant),
                Err(crowded) => return (taken, crowded),
            }
            taken += 1;
        }
    }

    #[test]
    fn whoever_is_alone_leaves_a_tenth() {
        assert_eq!(fill(&mut Room::default(), "a", 20), (18, Crowded::Above));
        assert_eq!(fill(&mut Room::default(), "a", 100), (90, Crowded::Above));
        assert_eq!(fill(&mut Room::default(), "a", 1), (1, Crowded::Above));
    }

    #[test]
    fn whoever_has_more_than_its_share_gives_way_first() {
        let mut room = Room::default();
        fill(&mut room, "greedy", 20);
        // What the greedy one left alone goes to whoever comes, and then every place that it leaves.
        assert_eq!(fill(&mut room, "b", 20), (2, Crowded::Full));
        for taken in 3..=6 {
            room.leave("greedy");
            assert_eq!(room.admits("greedy", 20), Err(Crowded::Above));
            assert_eq!(room.admits("b", 20), Ok(()));
            room.enter("b");
            assert_eq!((room.tenants["b"], room.taken()), (taken, 20));
        }
        // Now it has its share too, which is a third.
        room.leave("greedy");
        assert_eq!(room.admits("b", 20), Err(Crowded::Above));
        assert_eq!(room.admits("c", 20), Ok(()));
    }

    #[test]
    fn everybody_has_one_place_before_anybody_has_two() {
        let mut room = Room::default();
        for tenant in ["a", "b", "c"] {
            assert_eq!(room.admits(tenant, 4), Ok(()));
            room.enter(tenant);
        }
        assert_eq!(room.admits("a", 4), Err(Crowded::Above));
        assert_eq!(room.admits("d", 4), Ok(()));
        room.enter("d");
        assert_eq!(room.admits("e", 4), Err(Crowded::Full));
        room.leave("d");
        room.leave("nobody");
        assert_eq!((room.taken(), room.tenants.len()), (3, 3));
    }
}
