//! Who may call what of the management and operator APIs.
//!
//! Each operation says in its documentation (`security` of its `#[utoipa::path]`) which credentials it takes and
//! which [`Action`] it is. What is served is guarded by that same documentation ([`guard()`]), so that documents, tests
//! and the service cannot disagree: an operation that says nothing is refused.
//!
//! | Scheme | Is |
//! |---|---|
//! | `inference_key`, `management_key` | an API key as a bearer token; acts for its whole organisation |
//! | `session` | the console's cookie; may do what the person's role in the organisation allows |
//! | `operator_token` | an operator's bearer token, or the session of a platform administrator |
//! | none (`security(())`) | everybody |
//!
//! A key that an app got for somebody does less ([`Action::is_closed_to_apps`]).
//!
//! Whoever may call takes a place among those that run at once (`calls`).

mod action;
mod caller;
mod calls;
mod guard;
mod role;
mod session;
mod turn;

pub(crate) use action::Action;
pub(crate) use caller::{Caller, Operator, Who};
pub(crate) use calls::{Calls, Crowded, Party};
pub(crate) use guard::{guard, roles, serve_anybody, session_of};
pub(crate) use role::Role;
pub(crate) use session::{
    COOKIE, PLAIN_COOKIE, Session, csrf_token, is_csrf_token, secret as session_secret,
};
pub(crate) use turn::{Outside, Turn};
