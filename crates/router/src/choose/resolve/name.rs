//! What one name means.

use super::super::Sort;
use super::super::router::Router;
use super::Via;
use crate::catalogue::{Catalogue, Tier};

/// What a name leads to, and what its dynamic variants ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) target: Target,
    pub(super) sort: Option<Sort>,
    pub(super) admits: Option<Tier>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// Index in the catalogue.
    Model(usize, Via),
    Router(Router),
}

/// Variants that are models of their own where they exist.
const STATIC: [&str; 3] = ["free", "extended", "thinking"];

/// What a name leads to. The name as a whole comes first, so that a static variant or an alias with a colon is
/// found for what it is; then dynamic variants are taken off wherever they stand.
///
/// # Errors
/// For `x:free` where only `x` exists: that model. `None` for any other name that leads nowhere.
pub(super) fn find(name: &str, catalogue: &Catalogue) -> Result<Found, Option<usize>> {
    if let Some(target) = target(name, catalogue) {
        return Ok(Found { target, sort: None, admits: None });
    }
    let mut parts = name.split(':');
    let mut stem = parts.next().unwrap_or_default().to_owned();
    let (mut sort, mut admits) = (None, None);
    for part in parts {
        match dynamic(part) {
            // Of several that sort, the last counts.
            Some(Some((by, tier))) => (sort, admits) = (Some(by), tier),
            Some(None) => {}
            None => {
                stem.push(':');
                stem.push_str(part);
            }
        }
    }
    if let Some(target) = target(&stem, catalogue).or_else(|| variant_of_alias(&stem, catalogue)) {
        return Ok(Found { target, sort, admits });
    }
    let ended = stem.strip_suffix(":free").and_then(|stem| match target(stem, catalogue)? {
        Target::Model(at, _) => Some(at),
        Target::Router(_) => None,
    });
    Err(ended)
}

fn target(name: &str, catalogue: &Catalogue) -> Option<Target> {
    if let Some(router) = Router::named(name) {
        return Some(Target::Router(router));
    }
    if let Some(at) = catalogue.find(name) {
        let row = &catalogue.models().get(at)?.row;
        let is_own = row.slug == name || row.canonical_slug == name;
        return Some(Target::Model(at, if is_own { Via::Direct } else { Via::Alias }));
    }
    if name.starts_with('~') {
        return catalogue.latest(name).map(|at| Target::Model(at, Via::Latest));
    }
    None
}

/// The static variant of a model that is called by another name than its slug.
fn variant_of_alias(name: &str, catalogue: &Catalogue) -> Option<Target> {
    let (stem, variant) = name.rsplit_once(':').filter(|(_, variant)| STATIC.contains(variant))?;
    let Target::Model(at, via) = target(stem, catalogue)? else { return None };
    let slug = catalogue.models().get(at)?.slug();
    let via = if via == Via::Latest { via } else { Via::Alias };
    catalogue.find(&format!("{slug}:{variant}")).map(|at| Target::Model(at, via))
}

/// What a dynamic variant asks for: an order and a tier beside the usual one, or nothing of routing. `None` when
/// it is none. `online` asks for a web search, which there is none of yet.
fn dynamic(variant: &str) -> Option<Option<(Sort, Option<Tier>)>> {
    match variant {
        "nitro" => Some(Some((Sort::Throughput, Some(Tier::Priority)))),
        "floor" => Some(Some((Sort::Price, Some(Tier::Flex)))),
        "exacto" => Some(Some((Sort::Exacto, None))),
        "online" => Some(None),
        _ => None,
    }
}
