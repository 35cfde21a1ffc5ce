//! Why somebody cannot do what they want with their account.

use dialect::error::ErrorType;
use rpc::Fault;

use crate::access::Crowded;
use crate::http::reply::{Refusal, UserFacing};
use crate::limits::Exceeded;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Unknown address, no password, disabled, or a wrong password: nobody can tell them apart.
    #[error("the e-mail address and the password do not belong together")]
    Denied,
    #[error("the old password is another one")]
    WrongPassword,
    #[error("too many tries")]
    Limited(#[from] Exceeded),
    #[error(transparent)]
    Crowded(#[from] Crowded),
    #[error("this is no e-mail address")]
    NoAddress,
    #[error("the password is not taken: {0}")]
    Password(&'static str),
    #[error("the name is longer than 200 characters or has characters that cannot be shown")]
    Name,
    /// Never given out, used, replaced, taken back, or too old.
    #[error("the token is not in force")]
    Token,
    #[error("the person is a member already")]
    Member,
    /// They are invited as an owner, or by the platform, which whoever invites now may not do.
    #[error("there is an invitation of another rank")]
    Invited,
    #[error("only owners can invite owners")]
    OwnersOnly,
    #[error("only owners can take back an invitation as an owner, or of the platform")]
    OwnersEnd,
    #[error("a workspace is not one of the organisation's")]
    Workspace,
    #[error("no mail can be sent")]
    NoMail,
    #[error("a password could not be hashed")]
    Hash,
    #[error("too many passwords are being checked")]
    Busy,
    #[error("a message could not be sealed")]
    Seal(#[from] identity::SealError),
    #[error("the issuer did not sign somebody in")]
    Oidc(#[from] super::oidc::OidcError),
    #[error("the identity database refused or cannot be reached")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// Whether somebody showed what nobody gave them.
    pub(crate) const fn is_guess(&self) -> bool {
        matches!(self, Self::Token | Self::Oidc(super::oidc::OidcError::Attempt))
    }
}

impl UserFacing for Error {
    fn refusal(self) -> Refusal {
        let bad = |message| Refusal::new(ErrorType::InvalidRequest, message);
        match self {
            Self::Denied => Refusal::new(ErrorType::Authentication, "Wrong e-mail address or password."),
            Self::WrongPassword => {
                Refusal::new(ErrorType::PermissionDenied, "The old password is another one.")
            }
            Self::Limited(exceeded) => exceeded.refusal(),
            Self::Crowded(crowded) => crowded.refusal(),
            Self::NoAddress => bad("email: this is no e-mail address"),
            Self::Password(why) => bad(why),
            Self::Name => bad("name: use at most 200 characters, none of them a control character"),
            Self::Token => Refusal::new(
                ErrorType::NotFound,
                "This link is not in force: it was used, replaced, or is too old.",
            ),
            Self::Member => Refusal::new(ErrorType::Conflict, "This person is a member already."),
            Self::Invited => Refusal::new(
                ErrorType::Conflict,
                "This person has an open invitation as an owner, or of the platform. An owner may invite them anew as one.",
            ),
            Self::OwnersOnly => Refusal::new(ErrorType::PermissionDenied, "Only owners can invite owners."),
            Self::OwnersEnd => {
                let message = "Only owners can take back an invitation as an owner, or of the platform.";
                Refusal::new(ErrorType::PermissionDenied, message)
            }
            Self::Workspace => bad("workspaces: one of them is none of this organization's"),
            Self::NoMail => {
                let message = "This platform sends no mail: its operator has to set edge.mail.smtp_url.";
                Fault::unavailable(message).refusal()
            }
            Self::Oidc(error) => error.refusal(),
            Self::Busy => Refusal::unavailable(),
            Self::Database(error) => error.refusal(),
            Self::Hash | Self::Seal(_) => {
                tracing::error!(error = %self, "an account's request failed");
                Fault::internal().refusal()
            }
        }
    }
}
