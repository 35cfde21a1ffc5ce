//! People: how they sign in, what their sessions may do to themselves, how they come into an organisation, and how
//! they get back in when they forgot their password.

mod accept;
mod address;
mod error;
mod guessing;
mod invite;
mod letters;
mod mail;
mod oidc;
mod passwords;
mod reset;
mod sign_in;

use std::sync::Arc;
use std::time::Duration;

use identity::MasterKey;
use lifecycle::Tasks;
use sqlx::PgPool;

pub(crate) use accept::{accept, invited};
pub(crate) use address::Email;
pub(crate) use error::Error;
pub(crate) use guessing::bounded;
pub(crate) use invite::{Envelope, Invite, invite, revoke, withdraw};
pub(crate) use mail::Mail;
pub(crate) use oidc::{LASTS as OIDC_LASTS, Oidc, OidcError, begin as begin_oidc, finish as finish_oidc};
pub(crate) use passwords::Passwords;
pub(crate) use reset::{ask as ask_for_reset, confirm as confirm_reset};
pub(crate) use sign_in::{Client, Opened, change_password, check, note, open};

use crate::Config;
use crate::store::sessions;

/// How often what ended long ago is forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);

/// What is configured cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error(transparent)]
    Mail(#[from] mail::MailError),
    #[error(transparent)]
    Oidc(#[from] oidc::OidcConfigError),
}

/// What the use cases work with.
pub(crate) struct People {
    pub(crate) passwords: Passwords,
    pub(crate) mail: Arc<Mail>,
    pub(crate) oidc: Oidc,
    /// What the networks that people signed in from are hashed with.
    networks: MasterKey,
}

impl People {
    /// Starts delivering mail.
    ///
    /// # Errors
    /// [`Unusable`] when what is configured cannot be used.
    pub(crate) fn start(
        config: &Config,
        pool: &PgPool,
        master_key: &MasterKey,
        tasks: &Tasks,
    ) -> Result<Self, Unusable> {
        let oidc = Oidc::new(&config.oidc, &config.public_base())?;
        let mail = Arc::new(Mail::new(&config.mail, config.public_base(), pool.clone(), master_key)?);
        mail::deliver(tasks, &mail);
        sweep(tasks, pool.clone());
        Ok(Self {
            passwords: Passwords::new(config.sessions.hashes.get()),
            mail,
            oidc,
            networks: master_key.derive("sign-in networks"),
        })
    }
}

fn sweep(tasks: &Tasks, pool: PgPool) {
    let stop = tasks.shutdown().wait();
    let work = async move {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            if let Err(error) = sessions::forget_ended(&pool).await {
                tracing::debug!(error = %error, "sessions that ended are kept a while longer");
            }
        }
    };
    tasks.spawn(async move {
        tokio::select! {
            () = stop => {}
            () = work => {}
        }
    });
}
