//! How many searches a provider may count for one request.
//!
//! Cohere counts one for a query with up to 100 documents. A document that has more than 500 tokens together with
//! the query counts as several, each of which has the query again; what is beyond 4,096 tokens of a document is
//! cut off, unless the request sets another limit. A token is at least one byte, so that with bytes in place of
//! tokens nothing comes out too low.

use crate::canonical::{Document, RerankRequest};

/// Tokens of a piece of a document with the query.
const PIECE: u64 = 500;
/// Tokens after which a document is cut off.
const CUT: u64 = 4_096;

/// The most searches that `request` can count as.
pub(super) fn most(request: &RerankRequest) -> u64 {
    // What is no whole number may be one for others.
    let wanted = request.extra.get("max_tokens_per_doc");
    let cut = wanted.map_or(CUT, |wanted| wanted.as_u64().unwrap_or(u64::MAX)).max(CUT);
    let room = PIECE.saturating_sub(request.query.len() as u64).max(1);
    let pieces = |document: &Document| {
        let bytes = document.text.as_ref().map_or(0, String::len) as u64;
        bytes.min(cut).div_ceil(room).max(1)
    };
    let all = request.documents.iter().map(pieces).fold(0, u64::saturating_add);
    all.div_ceil(RerankRequest::PER_SEARCH)
}
