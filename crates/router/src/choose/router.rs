//! Router models: names that stand for a choice among models.

mod auto;
mod cheapest;
mod free;
mod pareto;
mod report;
mod search;

use super::resolve::{Inputs, Wanted};
use super::{Refusal, Request};

pub use report::{Rejected, Routed, Weighed};
use search::Search;

/// A name that stands for a choice among models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Router {
    /// Good at the request's task, at a price of the wanted band.
    Auto,
    AutoBeta,
    /// Any that costs nothing.
    Free,
    /// The cheapest that codes well enough.
    ParetoCode,
    /// The cheapest that is clever enough.
    Pareto,
    /// The cheapest that can do what is required.
    Cheapest,
}

impl Router {
    pub const ALL: [Self; 6] =
        [Self::Auto, Self::AutoBeta, Self::Free, Self::ParetoCode, Self::Pareto, Self::Cheapest];

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|router| router.slug() == name)
    }

    /// Whether a name, variants aside, is this router's.
    fn leads(self, name: &str) -> bool {
        name.split(':').next() == Some(self.slug())
    }

    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Auto => "openrouter/auto",
            Self::AutoBeta => "openrouter/auto-beta",
            Self::Free => "openrouter/free",
            Self::ParetoCode => "openrouter/pareto-code",
            Self::Pareto => "openrouter/pareto",
            Self::Cheapest => "patchbay/cheapest",
        }
    }

    /// The public word for how the model came about. `patchbay/cheapest` picks by price above a bar as the Pareto
    /// routers do, and shares their word: clients know no other.
    #[must_use]
    pub const fn strategy(self) -> &'static str {
        match self {
            Self::Auto | Self::AutoBeta => "auto",
            Self::Free => "free",
            Self::ParetoCode | Self::Pareto | Self::Cheapest => "pareto",
        }
    }
}

/// Models of a router's choice at most: the first and its fallbacks.
const MODELS_AT_MOST: usize = 3;

/// What a router chose.
#[derive(Debug)]
pub(super) struct Picked<'a> {
    /// Never empty.
    pub(super) wanted: Vec<Wanted<'a>>,
    pub(super) routed: Routed,
}

/// Lets a router choose. `template` is what its name says of every model it leads to.
///
/// # Errors
/// [`Refusal::NoCandidates`] when no model will do, [`Refusal::WrongEndpoint`] when it is no conversation that
/// is asked for and the router knows of nothing else.
pub(super) fn pick<'a>(
    router: Router,
    template: Wanted<'a>,
    request: &Request<'a>,
    inputs: Inputs<'_>,
) -> Result<Picked<'a>, Refusal<'a>> {
    let operation = request.profile.operation;
    if router != Router::Cheapest && operation != dialect::canonical::Operation::Chat {
        return Err(Refusal::WrongEndpoint { name: template.name, output: "text".to_owned(), operation });
    }
    let search = Search::new(router, template, request, inputs);
    let choice = match router {
        Router::Auto => auto::pick(&search, &request.plugins.auto),
        Router::AutoBeta => auto::pick(&search, &request.plugins.auto_beta),
        Router::Free => free::pick(&search),
        Router::ParetoCode | Router::Pareto => pareto::pick(search, request.plugins.pareto),
        Router::Cheapest => cheapest::pick(search, &request.plugins.cheapest),
    };
    if choice.routed.chosen.is_empty() {
        return Err(Refusal::no_candidates(template.name, &choice.routed, request));
    }
    let wanted = choice
        .routed
        .chosen
        .iter()
        .map(|chosen| Wanted {
            model: chosen.model,
            sort: template.sort.or(choice.sort),
            needs: choice.needs,
            ..template
        })
        .collect();
    Ok(Picked { wanted, routed: choice.routed })
}
