//! Inviting somebody into an organisation.

use std::time::Duration;

use chrono::{DateTime, Utc};
use identity::OpaqueToken;
use pg::TenantTx;
use serde_json::json;
use uuid::Uuid;

use super::{Email, Error, letters};
use crate::access::{Caller, Role, Who};
use crate::limits::Rule;
use crate::service::App;
use crate::store::invitations::{self, Invitation, NewInvitation};
use crate::store::{audit, mail, organisations};

const LASTS: Duration = Duration::from_secs(7 * DAY.as_secs());
const DAY: Duration = Duration::from_secs(86_400);

/// Who is to be invited, and as what.
#[derive(Debug)]
pub(crate) struct Invite {
    pub(crate) email: Email,
    pub(crate) role: Role,
    pub(crate) workspaces: Vec<Uuid>,
}

/// Invites somebody by mail. An open invitation of the same address is replaced.
///
/// # Errors
/// [`Error::Member`], [`Error::OwnersOnly`], [`Error::Workspace`], [`Error::NoMail`], [`Error::Limited`].
pub(crate) async fn invite(app: &App, caller: &Caller, invite: Invite) -> Result<Invitation, Error> {
    app.people.mail.check()?;
    let is_owner = matches!(caller.who, Who::Person { role: Role::Owner, .. });
    if invite.role == Role::Owner && !is_owner {
        return Err(Error::OwnersOnly);
    }
    bound(app, caller).await?;
    let token = OpaqueToken::generate("pb-inv-");
    let Invite { email, role, mut workspaces } = invite;
    workspaces.sort_unstable();
    workspaces.dedup();
    let new = NewInvitation {
        email: email.as_str().to_owned(),
        role,
        workspaces,
        hash: token.hash(),
        invited_by: caller.actor(),
        lasts: LASTS,
    };
    let (caller, post) = (caller.clone(), std::sync::Arc::clone(&app.people.mail));
    let made: Result<Invitation, Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            if invitations::is_member(tx, &new.email).await? {
                return Err(Error::Member);
            }
            let wanted = i64::try_from(new.workspaces.len()).unwrap_or(i64::MAX);
            if invitations::count_workspaces(tx, &new.workspaces).await? != wanted {
                return Err(Error::Workspace);
            }
            let made = invitations::insert(tx, &new).await?;
            let organisation = organisations::name(tx).await?.unwrap_or_default();
            let letter = letters::invitation(post.base(), &organisation, role, &token);
            let (id, until): (Uuid, DateTime<Utc>) = (Uuid::now_v7(), made.expires_at);
            mail::queue(tx.connection(), id, &made.email, &post.seal(id, &letter)?, until).await?;
            let details = json!({ "role": made.role, "workspaces": made.workspace_ids });
            let entry = caller.does("invitation.create", format!("invitation:{}", made.id), details);
            audit::insert(tx.connection(), &entry).await?;
            Ok(made)
        })
    })
    .await;
    app.people.mail.wake();
    made
}

/// Nobody floods others with mail through us.
///
/// # Errors
/// [`Error::Limited`].
async fn bound(app: &App, caller: &Caller) -> Result<(), Error> {
    let limit = u64::from(app.config.mail.invitations_per_day);
    if limit == 0 {
        return Ok(());
    }
    let scope = format!("invitations:{}", caller.tenant);
    Ok(app
        .limits
        .spend(&Rule { scope, limit, window: DAY, name: "invitations of this organization" })
        .await?)
}

/// Takes back what is open of inviters who may invite no longer, where a role is named only what makes somebody that. Each
/// is written down, with what it came from, such as `member.update`.
///
/// # Errors
/// The database's.
pub(crate) async fn withdraw(
    tx: &mut TenantTx,
    actor: &str,
    (inviters, of): (&[String], Option<Role>),
    because: &'static str,
) -> Result<(), sqlx::Error> {
    for id in invitations::withdraw(tx, inviters, of).await? {
        let entry = audit::Entry {
            tenant: Some(tx.tenant()),
            actor: actor.to_owned(),
            action: "invitation.revoke",
            target: format!("invitation:{id}"),
            details: json!({ "because": because }),
        };
        audit::insert(tx.connection(), &entry).await?;
    }
    Ok(())
}
