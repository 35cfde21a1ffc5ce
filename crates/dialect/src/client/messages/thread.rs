//! Threads, which Anthropic holds between turns so that a client sends only what is new.
//!
//! Nothing is held here. A request that would begin one is answered like any other; one that would go on is
//! refused as a thread that was lost, upon which clients send the whole conversation again.

use serde::{Deserialize, Serialize};

use crate::client::PublicError;
use crate::client::path::{Members, Path};
use crate::error::{BadRequest, ErrorType};

const LOST: &str = "thread: conversations are not kept here, so that none can be continued. Send all of \
                    `messages` again, with `thread` left out or of the type `create`.";

/// The member as the quick reader sees it.
#[derive(Deserialize)]
pub(super) struct Head {
    #[serde(rename = "type")]
    kind: String,
}

impl Head {
    pub(super) fn is_sound(&self) -> bool {
        self.kind == "create"
    }
}

/// # Errors
/// [`BadRequest`] of the type [`ErrorType::NotFound`] where a thread is to go on.
pub(super) fn check(members: &mut Members<'_>) -> Result<(), BadRequest> {
    let path: Path<'_> = members.path.member("thread");
    let Some(thread) = members.value("thread") else { return Ok(()) };
    match Members::of(thread, &path)?.string("type")?.as_deref() {
        Some("create") => Ok(()),
        Some("continue") => Err(BadRequest { error_type: ErrorType::NotFound, message: LOST.to_owned() }),
        _ => Err(path.member("type").must("be `create` or `continue`")),
    }
}

/// `error.details`, by which clients know what to do.
#[derive(Serialize)]
pub(super) struct Details {
    error_code: &'static str,
}

/// What clients have to know of an error beyond its type.
pub(super) fn details(error: &PublicError) -> Option<Details> {
    (error.message == LOST).then_some(Details { error_code: "thread_not_found" })
}
