//! Inviting somebody into an organisation.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use identity::{OpaqueToken, TenantId};
use pg::TenantTx;
use serde_json::json;
use uuid::Uuid;

use super::{Email, Error, Mail, letters};
use crate::access::{Caller, Role, Who};
use crate::limits::Rule;
use crate::service::App;
use crate::store::invitations::{self, Ended, Invitation, NewInvitation};
use crate::store::{audit, mail, organisations};

const LASTS: Duration = Duration::from_secs(7 * DAY.as_secs());
/// Who invited, where that is whoever operates the platform.
const PLATFORM: &str = "platform";
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
    if invite.role == Role::Owner && !is_owner(caller) {
        return Err(Error::OwnersOnly);
    }
    bound(app, caller).await?;
    let (actor, tenant) = (caller.actor(), caller.tenant);
    let letter = Envelope::new(app, invite, actor.clone())?;
    let made =
        pg::in_tenant(&app.pool, tenant, move |tx| Box::pin(async move { letter.post(tx, actor).await }));
    let made = made.await;
    app.people.mail.wake();
    made
}

const fn is_owner(caller: &Caller) -> bool {
    matches!(caller.who, Who::Person { role: Role::Owner, .. })
}

/// Whether an invitation is above whoever is no owner: it makes somebody one, or the platform made it.
fn is_above_others(ended: &Ended) -> bool {
    ended.role == Role::Owner.as_str() || ended.invited_by == PLATFORM
}

/// Takes an open invitation back. Whether there was one.
///
/// # Errors
/// [`Error::OwnersEnd`].
pub(crate) async fn revoke(app: &App, caller: Caller, id: Uuid) -> Result<bool, Error> {
    pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            let Some(ended) = invitations::revoke(tx, id).await? else { return Ok(false) };
            if is_above_others(&ended) && !is_owner(&caller) {
                return Err(Error::OwnersEnd);
            }
            let entry = caller.does("invitation.revoke", format!("invitation:{id}"), json!({}));
            audit::insert(tx.connection(), &entry).await?;
            Ok(true)
        })
    })
    .await
}

/// An invitation with the mail about it, to be written down in one transaction.
pub(crate) struct Envelope {
    new: NewInvitation,
    token: OpaqueToken,
    post: Arc<Mail>,
}

impl Envelope {
    /// # Errors
    /// [`Error::NoMail`].
    fn new(app: &App, invite: Invite, invited_by: String) -> Result<Self, Error> {
        app.people.mail.check()?;
        let token = OpaqueToken::generate("pb-inv-");
        let Invite { email, role, mut workspaces } = invite;
        workspaces.sort_unstable();
        workspaces.dedup();
        let new = NewInvitation {
            email: email.as_str().to_owned(),
            role,
            workspaces,
            hash: token.hash(),
            invited_by,
            lasts: LASTS,
        };
        Ok(Self { new, token, post: Arc::clone(&app.people.mail) })
    }

    /// One of the platform's: it is good whatever becomes of whoever operates it.
    ///
    /// # Errors
    /// [`Error::NoMail`].
    pub(crate) fn of_the_platform(app: &App, invite: Invite) -> Result<Self, Error> {
        Self::new(app, invite, PLATFORM.to_owned())
    }

    /// Writes it down in the transaction's organisation. Once that is committed, [`Mail::wake`] has it sent at once.
    ///
    /// # Errors
    /// [`Error::Member`], [`Error::Workspace`], [`Error::Invited`].
    pub(crate) async fn post(self, tx: &mut TenantTx, actor: String) -> Result<Invitation, Error> {
        let Self { new, token, post } = self;
        if invitations::is_member(tx, &new.email).await? {
            return Err(Error::Member);
        }
        let wanted = i64::try_from(new.workspaces.len()).unwrap_or(i64::MAX);
        if invitations::count_workspaces(tx, &new.workspaces).await? != wanted {
            return Err(Error::Workspace);
        }
        for replaced in invitations::replace(tx, &new.email).await? {
            if is_above_others(&replaced) && new.role != Role::Owner && new.invited_by != PLATFORM {
                return Err(Error::Invited);
            }
            let entry = revoked(tx.tenant(), &actor, replaced.id, "invitation.create");
            audit::insert(tx.connection(), &entry).await?;
        }
        let made = invitations::insert(tx, &new).await?;
        let organisation = organisations::name(tx).await?.unwrap_or_default();
        let letter = letters::invitation(post.base(), &organisation, new.role, &token);
        let (id, until): (Uuid, DateTime<Utc>) = (Uuid::now_v7(), made.expires_at);
        mail::queue(tx.connection(), id, &made.email, &post.seal(id, &letter)?, until).await?;
        let entry = audit::Entry {
            tenant: Some(tx.tenant()),
            actor,
            action: "invitation.create",
            target: format!("invitation:{}", made.id),
            details: json!({ "role": made.role, "workspaces": made.workspace_ids }),
        };
        audit::insert(tx.connection(), &entry).await?;
        Ok(made)
    }
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
        let entry = revoked(tx.tenant(), actor, id, because);
        audit::insert(tx.connection(), &entry).await?;
    }
    Ok(())
}

/// That an open invitation was taken back, with what it came from.
fn revoked(tenant: TenantId, actor: &str, id: Uuid, because: &'static str) -> audit::Entry {
    audit::Entry {
        tenant: Some(tenant),
        actor: actor.to_owned(),
        action: "invitation.revoke",
        target: format!("invitation:{id}"),
        details: json!({ "because": because }),
    }
}
