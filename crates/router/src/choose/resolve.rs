//! From the names a client wrote to models.

use super::{Exclusion, Reason, Refusal, Request, Sort, Subject};
use crate::catalogue::{Catalogue, Tier};

/// One model that is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// As the client wrote it.
    pub(super) name: &'a str,
    /// Index in the catalogue.
    pub(super) model: usize,
    pub(super) sort: Option<Sort>,
    /// The tier that the name's variant lets in beside the usual one.
    pub(super) admits: Option<Tier>,
    pub(super) via: Via,
}

/// How a name led to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Via {
    /// It is the model's own.
    Direct,
    Alias,
}

impl Via {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Alias => "alias",
        }
    }
}

/// The models of a request, each once. A name that nobody knows is passed over while another is known.
pub(super) fn models<'a>(
    request: &Request<'a>,
    catalogue: &Catalogue,
    exclusions: &mut Vec<Exclusion<'a>>,
) -> Result<Vec<Wanted<'a>>, Refusal<'a>> {
    let mut wanted: Vec<Wanted<'a>> = Vec::with_capacity(request.models.len());
    for name in request.models {
        match find(name, catalogue) {
            None => exclusions.push(Exclusion { subject: Subject::Name(name), reason: Reason::UnknownModel }),
            Some((model, _)) if wanted.iter().any(|known| known.model == model) => {}
            Some((model, variant)) => {
                let is_own =
                    catalogue.models().get(model).is_some_and(|model| name.starts_with(model.slug()));
                let via = if is_own { Via::Direct } else { Via::Alias };
                let sort = request.preferences.sort.or(variant);
                let admits = match variant {
                    Some(Sort::Throughput) => Some(Tier::Priority),
                    Some(Sort::Price) => Some(Tier::Flex),
                    _ => None,
                };
                wanted.push(Wanted { name, model, sort, admits, via });
            }
        }
    }
    match (wanted.is_empty(), request.models.first()) {
        (false, _) => Ok(wanted),
        (true, Some(name)) => Err(Refusal::UnknownModel { name, requested: request.models }),
        (true, None) => Err(Refusal::NoModel),
    }
}

/// The model of a name and what its dynamic variants ask for. A static variant, such as `:free`, is part of
/// a slug and found first.
fn find(name: &str, catalogue: &Catalogue) -> Option<(usize, Option<Sort>)> {
    let (mut rest, mut sort) = (name, None);
    loop {
        if let Some(model) = catalogue.find(rest) {
            return Some((model, sort));
        }
        let (stem, variant) = rest.rsplit_once(':')?;
        sort = sort.or(dynamic(variant)?);
        rest = stem;
    }
}

/// What a dynamic variant asks for. `None` when it is none.
fn dynamic(variant: &str) -> Option<Option<Sort>> {
    match variant {
        "nitro" => Some(Some(Sort::Throughput)),
        "floor" => Some(Some(Sort::Price)),
        "exacto" => Some(Some(Sort::Exacto)),
        "online" => Some(None),
        _ => None,
    }
}
