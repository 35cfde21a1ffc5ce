//! Apps that ask people for a key: a member allows it and the app gets a code, which it exchanges for a key once.
//!
//! The app shows by its verifier that it is the one that asked. A key is made when the code is exchanged, by the rules
//! for all keys and by what whoever allowed it may do then.

mod callback;
mod challenge;

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use dialect::error::ErrorType;
use identity::{KeyHash, KeyKind, OpaqueToken, PersonId};
use pricing::Amount;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

pub(crate) use self::callback::Callback;
pub(crate) use self::challenge::{Challenge, Method};
use crate::access::{Action, Caller, Who};
use crate::http::reply::{Refusal, UserFacing};
use crate::keys::{self, Draft, Manager, Minted, Reset};
use crate::limits::{Ceilings, Exceeded};
use crate::people;
use crate::service::App;
use crate::store::audit;
use crate::store::auth_codes::{self, Giver, Grant};
use crate::text;

/// How long an app has to exchange its code.
const LASTS: Duration = Duration::from_secs(600);
/// Characters of a label.
const LONGEST_LABEL: usize = 100;
/// What a key is called that an app without an address gets.
const NAMELESS: &str = "An app without an address";
const NOT_IN_FORCE: &str =
    "The code or its verifier is wrong, or the code was used or is older than ten minutes.";
const ENDED: &str = "The key that this code is for ended at its `expires_at`. Ask for another code.";

/// Why an app gets no code, or no key for one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0}")]
    Invalid(String),
    /// Never given out, used, too old, or the verifier is another one.
    #[error("the code is not in force")]
    Code,
    /// The key would be refused from its first request on.
    #[error("the key has ended before it was made")]
    Ended,
    #[error("who allowed it may make no keys")]
    Role,
    #[error("there is no such workspace")]
    Workspace,
    #[error("too many tries")]
    Limited(#[from] Exceeded),
    #[error("no key can be made")]
    Keys(#[from] keys::Error),
    #[error("the identity database cannot be asked")]
    Database(#[from] sqlx::Error),
}

impl UserFacing for Error {
    fn refusal(self) -> Refusal {
        match self {
            Self::Invalid(message) => Refusal::new(ErrorType::InvalidRequest, message),
            Self::Code => Refusal::new(ErrorType::PermissionDenied, NOT_IN_FORCE),
            Self::Ended => Refusal::new(ErrorType::PermissionDenied, ENDED),
            Self::Role => {
                let message = "Whoever allowed this may make no keys any more.";
                Refusal::new(ErrorType::PermissionDenied, message)
            }
            Self::Workspace => {
                Refusal::new(ErrorType::InvalidRequest, "workspace_id: there is no such workspace")
            }
            Self::Limited(exceeded) => exceeded.refusal(),
            Self::Keys(error) => error.refusal(),
            Self::Database(error) => error.refusal(),
        }
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::Invalid(message.into())
}

/// What an app asks for.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// Where the code goes; `None` = it is shown on the screen.
    pub(crate) callback: Option<Callback>,
    pub(crate) challenge: Option<Challenge>,
    /// What the key is to be called; `None` = after the app.
    pub(crate) label: Option<String>,
    pub(crate) limit: Option<Amount>,
    pub(crate) limit_reset: Option<Reset>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

impl Wish {
    /// # Errors
    /// [`Error::Invalid`] for what cannot be as it is.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.callback.is_none() && self.challenge.is_none() {
            let message =
                "code_challenge: send one, or a callback_url: a code that is shown needs a challenge";
            return Err(invalid(message));
        }
        if let Some(label) = &self.label {
            text::line("key_label", label, LONGEST_LABEL).map_err(|bad| invalid(bad.to_string()))?;
        }
        Ok(())
    }

    /// Where the app lives, as people see it; empty = it has no address.
    pub(crate) fn app(&self) -> &str {
        self.callback.as_ref().map(Callback::app).unwrap_or_default()
    }

    /// What the key is to be called.
    pub(crate) fn key_name(&self) -> String {
        let app = Some(self.app()).filter(|app| !app.is_empty()).unwrap_or(NAMELESS);
        self.label.clone().unwrap_or_else(|| app.chars().take(200).collect())
    }
}

/// A number for the app, the same for the same address. Fits a JSON number exactly.
pub(crate) fn app_id(app: &str) -> u64 {
    let digest = Sha256::digest(app);
    digest.iter().take(6).fold(0, |id, byte| id << 8 | u64::from(*byte))
}

/// A code, for the one moment it is shown.
pub(crate) struct Issued {
    pub(crate) code: OpaqueToken,
    pub(crate) created_at: DateTime<Utc>,
}

/// Allows an app to have a key in a workspace of the caller's organisation; `None` = the default one.
///
/// # Errors
/// [`Error::Invalid`], [`Error::Role`], [`Error::Workspace`].
pub(crate) async fn allow(
    app: &App,
    caller: &Caller,
    workspace: Option<Uuid>,
    wish: &Wish,
) -> Result<Issued, Error> {
    wish.check()?;
    let giver = match &caller.who {
        Who::Key(context) => Giver::Key(context.key.id),
        Who::Person { role, .. } if !role.may(Action::WriteKeys) => return Err(Error::Role),
        Who::Person { id, role } => Giver::Person(*id, *role),
    };
    let reaches_all = matches!(Manager::of(caller).reach, keys::Reach::All);
    let code = OpaqueToken::generate("pb-code-");
    let hash = code.hash();
    let mut grant = Grant {
        workspace: workspace.unwrap_or_default(),
        app: wish.app().to_owned(),
        challenge: wish.challenge.clone().map(Challenge::into_parts),
        key_name: wish.key_name(),
        limit: wish.limit,
        limit_reset: wish.limit_reset.map(|reset| reset.as_str().to_owned()),
        key_expires_at: wish.expires_at,
    };
    let caller = caller.clone();
    let created_at: Result<DateTime<Utc>, Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let place = crate::store::keys::place(tx, workspace, caller.person()).await?;
            let place = place.filter(|place| reaches_all || place.is_inside).ok_or(Error::Workspace)?;
            grant.workspace = place.workspace;
            let created_at = auth_codes::insert(tx, (hash, LASTS), giver, &grant).await?;
            let details = json!({ "app": grant.app, "key_name": grant.key_name, "workspace_id": grant.workspace,
                                  "limit": grant.limit.map(|limit| limit.to_string()),
                                  "limit_reset": grant.limit_reset, "expires_at": grant.key_expires_at });
            let entry = caller.does("auth_code.create", format!("auth_code:{hash}"), details);
            audit::insert(tx.connection(), &entry).await?;
            Ok(created_at)
        })
    })
    .await;
    Ok(Issued { code, created_at: created_at? })
}

/// What an app shows to get its key.
pub(crate) struct Proof {
    pub(crate) code: String,
    pub(crate) verifier: Option<String>,
    pub(crate) method: Option<Method>,
}

/// Makes the key that a code stands for. A code that is refused stays as it is.
///
/// # Errors
/// [`Error::Invalid`] when the method is not the one that the code was made with, [`Error::Code`], [`Error::Ended`],
/// [`Error::Role`],
/// [`Error::Limited`] when too many codes shown from there were wrong, and as [`keys::create`].
pub(crate) async fn exchange(
    app: &App,
    proof: Proof,
    address: IpAddr,
) -> Result<(Minted, Option<PersonId>), Error> {
    let is_guess = |error: &Error| matches!(error, Error::Code);
    people::bounded(app, address, is_guess, redeem(app, proof)).await
}

async fn redeem(app: &App, proof: Proof) -> Result<(Minted, Option<PersonId>), Error> {
    let hash = KeyHash::of(&proof.code);
    let held = auth_codes::by_hash(&app.pool, hash).await?.ok_or(Error::Code)?;
    let challenge = held.grant.challenge.and_then(Challenge::of_parts);
    challenge::check(challenge.as_ref(), proof.verifier.as_deref(), proof.method)?;
    if held.grant.key_expires_at.is_some_and(|at| at <= Utc::now()) {
        return Err(Error::Ended);
    }
    let person = match held.giver {
        Giver::Person(_, role) if !role.may(Action::WriteKeys) => return Err(Error::Role),
        Giver::Person(person, _) => Some(person),
        Giver::Key(_) => None,
    };
    let draft = Draft {
        name: held.grant.key_name,
        kind: KeyKind::Inference,
        workspace: Some(held.grant.workspace),
        creator: person,
        app: Some(held.grant.app.clone()),
        limit: held.grant.limit,
        limit_reset: held.grant.limit_reset.as_deref().and_then(Reset::named),
        counts_own_keys: None,
        ceilings: Ceilings::default(),
        allowed_ips: None,
        expires_at: held.grant.key_expires_at,
    };
    let manager = Manager::absent(held.tenant, held.giver);
    let (tenant, actor, app_name) = (held.tenant, manager.actor.clone(), held.grant.app);
    let made = keys::create_after(app, manager, draft, move |tx, key| {
        Box::pin(async move {
            if !auth_codes::spend(tx, hash).await? {
                return Err(keys::Error::Forbidden(NOT_IN_FORCE));
            }
            let entry = audit::Entry {
                tenant: Some(tenant),
                actor,
                action: "auth_code.exchange",
                target: format!("auth_code:{hash}"),
                details: json!({ "app": app_name, "key": key.to_string() }),
            };
            Ok(audit::insert(tx.connection(), &entry).await?)
        })
    })
    .await?;
    Ok((made, person))
}
