//! From the names a client wrote to models.

mod name;

use super::needs::Needs;
use super::router::{self, Routed, Router};
use super::{Policy, Reason, Refusal, Request, Sort};
use crate::catalogue::{Catalogue, Tier};
use crate::health::View;
use name::{Found, Target};

/// One model that is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// As the client wrote it.
    pub(super) name: &'a str,
    /// Where the name stands in the request's list.
    pub(super) position: usize,
    /// Index in the catalogue.
    pub(super) model: usize,
    pub(super) sort: Option<Sort>,
    /// The tier that the name's variant lets in beside the usual one.
    pub(super) admits: Option<Tier>,
    pub(super) via: Via,
    /// What an endpoint must be able to do to serve in the name of a router; nothing elsewhere.
    pub(super) needs: Needs,
}

/// How a name led to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Via {
    /// It is the model's own.
    Direct,
    Alias,
    /// `~author/family-latest`
    Latest,
    Router(Router),
}

impl Via {
    /// In the public vocabulary.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Alias => "alias",
            Self::Latest => "latest",
            Self::Router(router) => router.strategy(),
        }
    }
}

impl Wanted<'_> {
    /// How the model came about, in the public vocabulary: whatever is not of the first name is a fallback.
    pub(super) const fn strategy(&self) -> &'static str {
        if self.position > 0 { "fallback" } else { self.via.name() }
    }
}

/// What the choice of models reads beside the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inputs<'i> {
    pub(super) catalogue: &'i Catalogue,
    pub(super) health: View<'i>,
    pub(super) policy: Policy<'i>,
    pub(super) seed: u64,
    /// The model that served the conversation so far, as an index in the catalogue: a router keeps it while it is
    /// a candidate.
    pub(super) held_model: Option<usize>,
}

/// What became of the names of a request.
#[derive(Debug)]
pub(super) struct Named<'a> {
    /// Each model once, in order of preference; never empty.
    pub(super) wanted: Vec<Wanted<'a>>,
    /// Names that led nowhere, which is passed over while another leads to a model.
    pub(super) unknown: Vec<(&'a str, Reason)>,
    /// What the routers among the names did.
    pub(super) routed: Vec<Routed>,
}

/// The models of a request.
///
/// # Errors
/// [`Refusal`] when no name leads to a model: what is said is of the first.
pub(super) fn models<'a>(request: &Request<'a>, inputs: Inputs<'_>) -> Result<Named<'a>, Refusal<'a>> {
    let count = request.models.len();
    let mut named = Named { wanted: Vec::with_capacity(count), unknown: Vec::new(), routed: Vec::new() };
    let (mut refusal, mut asked) = (None, Vec::new());
    for (position, name) in request.models.iter().enumerate() {
        let found = match name::find(name, inputs.catalogue) {
            Ok(found) => found,
            Err(ended) => {
                named.unknown.push((name, Reason::UnknownModel));
                refusal.get_or_insert_with(|| {
                    Refusal::unknown(name, ended, request, (inputs.catalogue, inputs.health.now_ms))
                });
                continue;
            }
        };
        let template = template(name, position, found, request);
        match found.target {
            Target::Model(..) => add(&mut named.wanted, template),
            // However it is spelled, a router is asked once: its choice is the same work each time.
            Target::Router(router) if asked.contains(&router) => {}
            Target::Router(router) => {
                asked.push(router);
                match router::pick(router, template, request, inputs) {
                    Ok(picked) => {
                        picked.wanted.into_iter().for_each(|one| add(&mut named.wanted, one));
                        named.routed.push(picked.routed);
                    }
                    Err(none) => {
                        named.unknown.push((name, Reason::NoCandidate));
                        refusal.get_or_insert(none);
                    }
                }
            }
        }
    }
    match refusal {
        _ if !named.wanted.is_empty() => Ok(named),
        Some(refusal) => Err(refusal),
        None => Err(Refusal::NoModel),
    }
}

fn add<'a>(wanted: &mut Vec<Wanted<'a>>, one: Wanted<'a>) {
    if !wanted.iter().any(|known| known.model == one.model) {
        wanted.push(one);
    }
}

/// What a name says of any model that it leads to. A router fills in the model.
fn template<'a>(name: &'a str, position: usize, found: Found, request: &Request<'_>) -> Wanted<'a> {
    let (model, via) = match found.target {
        Target::Model(model, via) => (model, via),
        Target::Router(router) => (usize::MAX, Via::Router(router)),
    };
    Wanted {
        name,
        position,
        model,
        sort: request.preferences.sort.or(found.sort),
        // An explicit order is the whole order: no variant adds to it.
        admits: found.admits.filter(|_| request.preferences.order.is_empty()),
        via,
        needs: Needs::default(),
    }
}
