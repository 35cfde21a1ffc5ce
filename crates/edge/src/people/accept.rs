//! Accepting an invitation: whoever can read the mail is the person it was sent to.

use identity::{KeyHash, PersonId, TenantId};
use serde_json::json;
use uuid::Uuid;

use super::{Client, Error, guessing, passwords};
use crate::access::Role;
use crate::service::App;
use crate::store::audit;
use crate::store::invitations::{self, Accepted, Held};
use crate::store::people::{self, NewPerson};

/// What came of it.
#[derive(Debug)]
pub(crate) struct Acceptance {
    pub(crate) person: PersonId,
    pub(crate) tenant: TenantId,
    pub(crate) role: Role,
    /// There was no such person before, so that their session may begin.
    pub(crate) is_new: bool,
}

/// What the invitation with this token says.
///
/// # Errors
/// [`Error::Token`], [`Error::Limited`].
pub(crate) async fn invited(app: &App, token: &str, client: &Client) -> Result<Held, Error> {
    let look = async {
        let found = invitations::by_hash(&app.pool, KeyHash::of(token)).await?;
        found.filter(|held| !held.is_disabled).ok_or(Error::Token)
    };
    guessing::bounded(app, client.address, Error::is_guess, look).await
}

/// Makes whoever holds the token a member; somebody new gets the name and password.
///
/// # Errors
/// [`Error::Token`], [`Error::Limited`]; [`Error::Password`] when somebody new has none, or one that is not taken.
pub(crate) async fn accept(
    app: &App,
    token: &str,
    name: Option<String>,
    password: Option<String>,
    client: &Client,
) -> Result<Acceptance, Error> {
    let held = invited(app, token, client).await?;
    let new = match held.person {
        Some(_) => None,
        None => Some(newcomer(app, &held, name, password).await?),
    };
    let is_new = new.is_some();
    let person = held.person.unwrap_or_else(PersonId::generate);
    let entrance = Entrance::Invitation { id: held.id, tenant: held.tenant };
    let role = enter(app, person, entrance, new).await?;
    Ok(Acceptance { person, tenant: held.tenant, role, is_new })
}

/// How somebody comes into an organisation.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entrance {
    Invitation {
        id: Uuid,
        tenant: TenantId,
    },
    /// The operator lets them in whom the issuer vouches for.
    Default {
        tenant: TenantId,
        role: Role,
    },
}

impl Entrance {
    pub(super) const fn tenant(self) -> TenantId {
        match self {
            Self::Invitation { tenant, .. } | Self::Default { tenant, .. } => tenant,
        }
    }
}

/// Makes somebody a member, and a person if they are `new`; in which role.
///
/// # Errors
/// [`Error::Token`] when the invitation is in force no longer.
pub(super) async fn enter(
    app: &App,
    person: PersonId,
    entrance: Entrance,
    new: Option<NewPerson>,
) -> Result<Role, Error> {
    let tenant = entrance.tenant();
    people::as_person(&app.pool, person, move |tx| {
        Box::pin(async move {
            tx.enter(tenant).await?;
            if let Some(new) = new {
                people::insert(tx, &new).await?;
            }
            let (invitation, accepted) = match entrance {
                Entrance::Default { role, .. } => (None, Accepted { role, workspaces: Vec::new() }),
                Entrance::Invitation { id, .. } => {
                    (Some(id), invitations::accept(tx, tenant, id).await?.ok_or(Error::Token)?)
                }
            };
            people::join(tx, tenant, accepted.role).await?;
            people::join_workspaces(tx, tenant, &accepted.workspaces).await?;
            let details = json!({ "invitation_id": invitation, "role": accepted.role.as_str(),
                                  "workspaces": accepted.workspaces });
            let name = format!("user:{person}");
            let entry = audit::Entry {
                tenant: Some(tenant),
                actor: name.clone(),
                action: "member.join",
                target: name,
                details,
            };
            audit::insert(tx.connection(), &entry).await?;
            Ok(accepted.role)
        })
    })
    .await
}

/// Somebody whom the platform does not know yet.
async fn newcomer(
    app: &App,
    held: &Held,
    name: Option<String>,
    password: Option<String>,
) -> Result<NewPerson, Error> {
    let password = password.ok_or(Error::Password("password: choose one, you are new here"))?;
    passwords::check_rules(&password, &held.email)?;
    let password_hash = Some(app.people.passwords.hash(password).await?);
    Ok(NewPerson {
        email: held.email.clone(),
        name: name.unwrap_or_default(),
        password_hash,
        is_platform_admin: false,
        vouched_by: None,
    })
}
