//! A password that was forgotten.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use identity::{KeyHash, OpaqueToken, PersonId};
use serde_json::json;
use uuid::Uuid;

use super::{Client, Email, Error, guessing, letters, passwords, sign_in};
use crate::limits::Rule;
use crate::service::App;
use crate::store::people;
use crate::store::{mail, resets, sessions};

const LASTS: Duration = Duration::from_secs(3_600);
/// Mails to one address, and asked for by one client, in an hour.
const PER_EMAIL: u64 = 5;
const PER_CLIENT: u64 = 50;

/// Sends somebody a token to set a password with. The answer is the same whether there is such a person.
///
/// # Errors
/// [`Error::Limited`], [`Error::NoMail`], [`Error::Database`].
pub(crate) async fn ask(app: &Arc<App>, email: &Email, client: &Client) -> Result<(), Error> {
    app.people.mail.check()?;
    let rule = |scope, limit, name| Rule { scope, limit, window: LASTS, name };
    let per_client =
        rule(format!("reset:{}", client.network()), PER_CLIENT, "password resets asked for from here");
    app.limits.spend(&per_client).await?;
    let per_email =
        rule(format!("reset:{}", KeyHash::of(email.as_str())), PER_EMAIL, "password resets of this address");
    app.limits.spend(&per_email).await?;
    let known = people::by_email(&app.pool, email.as_str()).await?.filter(|known| !known.is_disabled);
    if let Some(known) = known {
        // Not waited for: the time of the answer must not tell either.
        let (ours, email) = (Arc::clone(app), email.clone());
        app.tasks.spawn(async move {
            if let Err(error) = send(&ours, known.id, &email).await {
                tracing::error!(error = %error, "a password reset could not be written down");
            }
        });
    }
    Ok(())
}

async fn send(app: &App, person: PersonId, email: &Email) -> Result<(), Error> {
    let token = OpaqueToken::generate("pb-reset-");
    let post = &app.people.mail;
    let id = Uuid::now_v7();
    let sealed = post.seal(id, &letters::password_reset(post.base(), &token))?;
    let recipient = email.as_str().to_owned();
    let written: Result<(), Error> = people::as_person(&app.pool, person, move |tx| {
        Box::pin(async move {
            resets::insert(tx, token.hash(), LASTS).await?;
            Ok(mail::queue(tx.connection(), id, &recipient, &sealed, Utc::now() + LASTS).await?)
        })
    })
    .await;
    post.wake();
    written
}

/// Sets the password of whoever holds the token and ends all of their sessions.
///
/// # Errors
/// [`Error::Token`], [`Error::Password`], [`Error::Limited`].
pub(crate) async fn confirm(app: &App, token: &str, password: String, client: &Client) -> Result<(), Error> {
    let hash = KeyHash::of(token);
    let look = async { resets::by_hash(&app.pool, hash).await?.ok_or(Error::Token) };
    let reset = guessing::bounded(app, client.address, Error::is_guess, look).await?;
    passwords::check_rules(&password, &reset.email)?;
    let password_hash = app.people.passwords.hash(password).await?;
    people::as_person(&app.pool, reset.person, move |tx| {
        Box::pin(async move {
            if !resets::spend(tx, hash).await? {
                return Err(Error::Token);
            }
            people::set_password(tx, &password_hash).await?;
            sessions::revoke_all(tx, None).await?;
            let seen_from = sign_in::choose(tx, None).await?.map(|membership| membership.tenant);
            Ok(sign_in::note(tx, seen_from, "password.reset", json!({})).await?)
        })
    })
    .await
}
