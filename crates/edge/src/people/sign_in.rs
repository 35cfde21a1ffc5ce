//! Who somebody is, and the session that follows.

use std::net::IpAddr;

use identity::{OpaqueToken, PersonId, TenantId};
use ipnet::IpNet;
use serde_json::json;
use uuid::Uuid;

use super::guessing::{self, Tries};
use super::{Email, Error, passwords};
use crate::access::{Party, Session};
use crate::http::address::network;
use crate::service::App;
use crate::store::audit;
use crate::store::people::{self, PersonTx};
use crate::store::sessions::{self, NewSession};

/// Where a request comes from.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) address: IpAddr,
    pub(crate) user_agent: String,
}

impl Client {
    /// What is counted for whoever is there.
    pub(super) fn network(&self) -> IpNet {
        network(self.address)
    }
}

/// A session that has begun.
pub(crate) struct Opened {
    /// Its secret, for the cookie.
    pub(crate) token: OpaqueToken,
    pub(crate) session: Session,
}

/// Whoever has this e-mail address and password.
///
/// # Errors
/// [`Error::Denied`], [`Error::Limited`], and when it cannot be told.
pub(crate) async fn check(
    app: &App,
    email: &Email,
    password: String,
    client: &Client,
) -> Result<PersonId, Error> {
    // Failures are looked up by whoever may compute a hash: so only as many guesses slip by as run at once.
    let place = app.people.passwords.place().await?;
    let known = people::by_email(&app.pool, email.as_str()).await?.filter(|known| !known.is_disabled);
    let (person, hash) = known.map_or((None, None), |known| (Some(known.id), known.password_hash));
    let tries = Tries::of(app, email, hash.as_deref(), client).await?;
    tries.check().await?;
    let is_right = passwords::is_right(place, password, hash).await?;
    match person.filter(|_| is_right) {
        Some(person) => {
            tries.succeeded().await;
            Ok(person)
        }
        None => {
            tries.failed().await;
            Err(Error::Denied)
        }
    }
}

/// Begins a session of somebody who has shown who they are, in the organisation that they worked in last.
///
/// # Errors
/// [`Error::Database`].
pub(crate) async fn open(
    app: &App,
    person: PersonId,
    preferred: Option<TenantId>,
    client: &Client,
) -> Result<Opened, Error> {
    let token = OpaqueToken::generate("");
    let config = &app.config.sessions;
    let mut new = NewSession {
        id: Uuid::now_v7(),
        hash: token.hash(),
        tenant: preferred,
        idle: config.idle_ms.get(),
        longest: config.longest_ms.get(),
        user_agent: client.user_agent.clone(),
        address: client.address.to_string(),
    };
    let opened: Result<_, Error> = people::as_person(&app.pool, person, move |tx| {
        Box::pin(async move {
            let membership = choose(tx, new.tenant).await?;
            new.tenant = membership.as_ref().map(|membership| membership.tenant);
            sessions::insert(tx, &new).await?;
            people::signed_in(tx).await?;
            let details = json!({ "session_id": new.id, "address": new.address });
            note(tx, new.tenant, "person.sign_in", details).await?;
            let profile = people::profile(tx).await?;
            let (is_platform_admin, email) = (profile.is_platform_admin, profile.email);
            let membership = membership.map(|membership| (membership.tenant, membership.role));
            Ok((Session { id: new.id, person, is_platform_admin, membership }, email))
        })
    })
    .await;
    app.metrics.signed_in("ok");
    let (session, email) = opened?;
    guessing::remember(app, &email, client).await;
    app.calls.met(token.hash(), Some(Party::Person(person)));
    Ok(Opened { token, session })
}

/// The organisation to work in: the preferred one, else the last, else any.
pub(super) async fn choose(
    tx: &mut PersonTx,
    preferred: Option<TenantId>,
) -> Result<Option<people::Membership>, sqlx::Error> {
    let memberships = people::memberships(tx).await?;
    let last = sessions::last_tenant(tx).await?;
    let wanted = [preferred, last].into_iter().flatten();
    let found = wanted.filter_map(|tenant| memberships.iter().find(|one| one.tenant == tenant)).next();
    Ok(found.or_else(|| memberships.first()).cloned())
}

/// Writes down what the transaction's person did to their account, in the organisation that it is seen from.
pub(crate) async fn note(
    tx: &mut PersonTx,
    tenant: Option<TenantId>,
    action: &'static str,
    details: serde_json::Value,
) -> Result<(), sqlx::Error> {
    if let Some(tenant) = tenant {
        tx.enter(tenant).await?;
    }
    let name = format!("user:{}", tx.person());
    let entry = audit::Entry { tenant, actor: name.clone(), action, target: name, details };
    audit::insert(tx.connection(), &entry).await
}

/// Sets another password in place of the old one and ends every other session.
///
/// # Errors
/// [`Error::WrongPassword`], [`Error::Password`], [`Error::Limited`].
pub(crate) async fn change_password(
    app: &App,
    session: &Session,
    old: String,
    new: String,
    client: &Client,
) -> Result<(), Error> {
    let profile: Result<_, Error> =
        people::as_person(&app.pool, session.person, |tx| Box::pin(async { Ok(people::profile(tx).await?) }))
            .await;
    let profile = profile?;
    let email = Email::parse(&profile.email)?;
    passwords::check_rules(&new, email.as_str())?;
    let place = app.people.passwords.place().await?;
    let tries = Tries::of(app, &email, profile.password_hash.as_deref(), client).await?;
    tries.check().await?;
    if !passwords::is_right(place, old, profile.password_hash).await? {
        tries.failed().await;
        return Err(Error::WrongPassword);
    }
    let hash = app.people.passwords.hash(new).await?;
    let (id, tenant) = (session.id, session.membership.map(|(tenant, _)| tenant));
    people::as_person(&app.pool, session.person, move |tx| {
        Box::pin(async move {
            people::set_password(tx, &hash).await?;
            sessions::revoke_all(tx, Some(id)).await?;
            Ok(note(tx, tenant, "password.change", json!({})).await?)
        })
    })
    .await
}
