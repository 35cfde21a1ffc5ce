//! What one request took of the limits that it runs under.

use std::sync::Arc;

use super::Rule;
use super::places::Place;
use super::shared::Shared;
use super::window::{Taken, Window};

/// A request's places and tokens. Dropped, it leaves the places; tokens then stay spent as they were taken.
#[derive(Default)]
pub(crate) struct Pass {
    /// `None` of what took nothing.
    shared: Option<Arc<Shared>>,
    pub(super) places: Vec<Place>,
    pub(super) tokens: Vec<(Arc<Window>, Rule, Taken)>,
    is_settled: bool,
}

impl Pass {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared: Some(shared), ..Self::default() }
    }

    /// The request is over and used so many tokens; `None` = nobody knows, so that what was taken stands. Whoever comes
    /// next may have its place. Later calls change nothing.
    pub(crate) fn settle(&mut self, used: Option<u64>) {
        if std::mem::replace(&mut self.is_settled, true) {
            return;
        }
        for (window, rule, taken) in &self.tokens {
            if let Some(used) = used {
                window.correct(rule, *taken, used);
            }
        }
        self.places.iter_mut().for_each(Place::leave);
    }

    /// Settles it where that is not done, and gives to other edges what this one has too much of now.
    pub(crate) async fn end(mut self, used: Option<u64>) {
        self.settle(used);
        let Some(shared) = self.shared.take() else { return };
        for (window, rule, _) in &self.tokens {
            window.give_back(&shared, rule).await;
        }
        for place in &self.places {
            place.give_back(&shared).await;
        }
    }
}
