//! The edge's own account of a generation.

use dialect::client::Dialect;
use pricing::{Amount, Class, OutOfRange, Source, Usage};
use rpc::billing::Witness;
use rpc::billing::witness::Outcome;
use rpc::convert::{Malformed, book_in, markup, source_out, usage_in, usage_out};
use rpc::router::Attempt;
use rpc::worker::Final;

use super::Request;
use super::relay::{Ended, Progress};
use crate::admission::Admitted;

/// Bytes of text that make one prompt token, where nobody is left to say how many there were.
const BYTES_PER_TOKEN: u64 = 4;

/// A generation cannot be accounted for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
}

/// What became of a generation, as the edge saw it.
pub(super) fn of(
    request: &Request,
    admitted: &Admitted,
    progress: &Progress,
    ended: &Ended,
) -> Result<Witness, Error> {
    let attempt = serving(&admitted.attempts, progress);
    let mut witness = Witness {
        generation_id: request.generation.uuid().to_string(),
        tenant_id: request.caller.tenant().to_string(),
        key_id: request.caller.key.id.to_string(),
        leases: admitted.held.leases(),
        execution: progress.execution,
        deltas: progress.deltas,
        workspace_id: request.caller.key.workspace.to_string(),
        user_id: request.caller.key.creator_id(),
        reserved: admitted.reserved.nanos(),
        streamed: request.peek.stream,
        received_at_ms: request.received_at_ms,
        ..Witness::default()
    };
    if let Some(attempt) = attempt {
        witness.price.clone_from(&attempt.price);
        witness.markup_basis_points = attempt.markup_basis_points;
        witness.is_byok = attempt.is_byok;
        witness.model.clone_from(&attempt.model);
        witness.provider.clone_from(&attempt.provider);
        witness.endpoint_id.clone_from(&attempt.endpoint_id);
    }
    match ended {
        Ended::Final(last) => {
            witness.set_outcome(Outcome::Finished);
            witness.charge = last.charge;
            witness.upstream_cost = last.upstream_cost;
            witness.usage = last.usage;
            witness.source = last.source;
        }
        // An image is owed when it is finished, which nobody is left to say.
        Ended::Lost(_) if progress.delivered && request.dialect != Dialect::Images => {
            let (usage, charge) = estimate(request, admitted, progress, attempt)?;
            witness.set_outcome(Outcome::Lost);
            witness.charge = charge.nanos();
            witness.usage = Some(usage_out(&usage));
            witness.set_source(source_out(Source::Estimated));
        }
        Ended::Lost(_) | Ended::Failed(_) | Ended::Refused(_) => witness.set_outcome(Outcome::NothingOwed),
    }
    Ok(witness)
}

/// Tokens of prompt and completion that an answer took.
pub(super) fn tokens(last: &Final) -> Option<u64> {
    let usage = usage_in(last.usage.as_ref()?);
    usage.prompt_tokens().ok()?.checked_add(usage.completion_tokens().ok()?)
}

/// The attempt whose content the client saw, else the one that was made last.
fn serving<'a>(attempts: &'a [Attempt], progress: &Progress) -> Option<&'a Attempt> {
    let n = progress.commit.as_ref().map(|commit| commit.n).or(progress.started)?;
    attempts.get(n as usize)
}

/// What was delivered comes to at least this: a token for each delta, and the prompt that it answered. Sound has
/// no tokens that could be counted here; where it is sold by the character, all of them were asked for.
fn estimate(
    request: &Request,
    admitted: &Admitted,
    progress: &Progress,
    attempt: Option<&Attempt>,
) -> Result<(Usage, Amount), Error> {
    let attempt = attempt.ok_or(Malformed("attempt"))?;
    let book = book_in(attempt.price.as_ref().ok_or(Malformed("attempt.price"))?)?;
    let usage = Usage::default()
        .with(Class::Input, request.peek.text_bytes.div_ceil(BYTES_PER_TOKEN))
        .with(Class::Request, 1);
    let usage = if request.dialect != Dialect::Speech {
        usage.with(Class::Output, u64::from(progress.deltas))
    } else if book.base.listed(Class::Character).is_some() {
        usage.with(Class::Character, request.peek.characters)
    } else {
        usage
    };
    let charge = pricing::charge(&book, markup(attempt.markup_basis_points), &usage)?;
    Ok((usage, charge.min(admitted.reserved)))
}
