//! The mail: sealed while it waits in the database, sent by whichever edge takes it, tried again until it is too old.

use std::os::unix::fs::DirBuilderExt as _;
use std::sync::Arc;
use std::time::Duration;

use identity::{MasterKey, SealError};
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Body, Mailbox};
use lettre::{AsyncFileTransport, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use lifecycle::Tasks;
use secrecy::ExposeSecret as _;
use sqlx::PgPool;
use tokio::sync::Notify;
use uuid::Uuid;

use super::Error;
use super::letters::Letter;
use crate::config::MailConfig;
use crate::store::mail::{self, Waiting};

/// Messages that one edge takes at once.
const BATCH: i32 = 16;
/// How long a message is one edge's; then it is taken to have died with it.
const TAKEN: Duration = Duration::from_secs(600);
/// How long one message may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The pause after the first failure; each further one is four times as long, within the limit.
const FIRST_PAUSE: Duration = Duration::from_secs(15);
/// Of a message that is sent as it is, in characters.
const LONGEST_LINE: usize = 998;
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// What is configured cannot send mail.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailError {
    #[error("edge.mail.smtp_url is no address of an SMTP server")]
    Url(#[source] lettre::transport::smtp::Error),
    #[error("edge.mail.from is no e-mail address")]
    From(#[source] lettre::address::AddressError),
    #[error("the folder edge.mail.folder cannot be made")]
    Folder(#[source] std::io::Error),
}

/// A message could not be handed over.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error("it does not open: {0}")]
    Sealed(#[from] SealError),
    #[error("it cannot be read: {0}")]
    Letter(#[from] serde_json::Error),
    #[error("its recipient is no address: {0}")]
    Recipient(#[from] lettre::address::AddressError),
    #[error("it cannot be written: {0}")]
    Message(#[from] lettre::error::Error),
    #[error("the server did not take it: {0}")]
    Smtp(#[from] lettre::transport::smtp::Error),
    #[error("it could not be written to a file: {0}")]
    File(#[from] lettre::transport::file::Error),
}

enum Transport {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(AsyncFileTransport<Tokio1Executor>),
    None,
}

/// The way mail goes.
pub(crate) struct Mail {
    transport: Transport,
    from: Mailbox,
    /// Where links lead, without a slash at the end.
    base: String,
    key: MasterKey,
    pool: PgPool,
    poll: Duration,
    queued: Notify,
}

impl Mail {
    /// # Errors
    /// [`MailError`].
    pub(crate) fn new(
        config: &MailConfig,
        base: String,
        pool: PgPool,
        master_key: &MasterKey,
    ) -> Result<Self, MailError> {
        Ok(Self {
            transport: transport(config)?,
            from: config.from.parse().map_err(MailError::From)?,
            base,
            key: master_key.derive("mail"),
            pool,
            poll: config.poll_ms.get(),
            queued: Notify::new(),
        })
    }

    /// Where links lead, without a slash at the end.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// # Errors
    /// [`Error::NoMail`] when none can be sent.
    pub(super) fn check(&self) -> Result<(), Error> {
        if matches!(self.transport, Transport::None) { Err(Error::NoMail) } else { Ok(()) }
    }

    /// A message as it waits in the database.
    ///
    /// # Errors
    /// [`Error::Seal`].
    pub(super) fn seal(&self, id: Uuid, letter: &Letter) -> Result<Vec<u8>, Error> {
        let text = serde_json::to_vec(letter).map_err(|_| Error::Seal(SealError::Seal))?;
        Ok(self.key.seal_bytes(&text, &context(id))?)
    }

    /// There is new mail, and it is committed.
    pub(crate) fn wake(&self) {
        self.queued.notify_one();
    }

    /// Sends what is due. Whether there may be more.
    async fn send_due(&self, must_stop: impl Fn() -> bool) -> Result<bool, sqlx::Error> {
        let due = mail::take(&self.pool, BATCH, TAKEN).await?;
        let more = due.len() == usize::try_from(BATCH).unwrap_or(0);
        for waiting in due {
            if must_stop() {
                mail::failed(&self.pool, waiting.id, "the edge stopped", Duration::ZERO).await?;
                continue;
            }
            match self.send(&waiting).await {
                Ok(()) => mail::sent(&self.pool, waiting.id).await?,
                Err(error) => {
                    let pause = pause(waiting.tries);
                    tracing::warn!(mail = %waiting.id, error = %error, ?pause, "a mail could not be sent");
                    mail::failed(&self.pool, waiting.id, &error.to_string(), pause).await?;
                }
            }
        }
        Ok(more)
    }

    async fn send(&self, waiting: &Waiting) -> Result<(), SendError> {
        let letter: Letter =
            serde_json::from_slice(&self.key.open_bytes(&waiting.sealed, &context(waiting.id))?)?;
        // The same at every try, so that whoever got it twice is shown it once.
        let message_id = format!("<{}@{}>", waiting.id, self.from.email.domain());
        let message = Message::builder()
            .message_id(Some(message_id))
            .from(self.from.clone())
            .to(Mailbox::new(None, waiting.recipient.parse()?))
            .subject(letter.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(body(letter.text))?;
        match &self.transport {
            Transport::Smtp(server) => drop(server.send(message).await?),
            Transport::Folder(folder) => drop(folder.send(message).await?),
            Transport::None => {}
        }
        Ok(())
    }
}

/// Plain text stays as it is, so that a link in a file can be read and followed: lines may be longer than 78
/// characters, up to 998. Only a name in another script is encoded.
fn body(text: String) -> Body {
    if text.is_ascii() && text.lines().all(|line| line.len() <= LONGEST_LINE) {
        let lines = text.replace('\n', "\r\n").into_bytes();
        return Body::dangerous_pre_encoded(lines, ContentTransferEncoding::SevenBit);
    }
    Body::new(text)
}

fn context(id: Uuid) -> String {
    format!("mail:{id}")
}

fn pause(tries: i32) -> Duration {
    let power = u32::try_from(tries.saturating_sub(1)).unwrap_or(0).min(8);
    FIRST_PAUSE.saturating_mul(4_u32.saturating_pow(power)).min(LONGEST_PAUSE)
}

fn transport(config: &MailConfig) -> Result<Transport, MailError> {
    let url = config.smtp_url.expose_secret();
    if !url.is_empty() {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(MailError::Url)?;
        return Ok(Transport::Smtp(builder.timeout(Some(TIMEOUT)).build()));
    }
    if config.folder.as_os_str().is_empty() {
        return Ok(Transport::None);
    }
    // Mail holds tokens: it is the folder's owner's alone.
    let mut made = std::fs::DirBuilder::new();
    made.recursive(true).mode(0o700).create(&config.folder).map_err(MailError::Folder)?;
    Ok(Transport::Folder(AsyncFileTransport::new(&config.folder)))
}

/// Sends mail until the stop begins.
pub(super) fn deliver(tasks: &Tasks, mail: &Arc<Mail>) {
    if mail.check().is_err() {
        return;
    }
    let (mail, shutdown) = (Arc::clone(mail), tasks.shutdown().clone());
    tasks.spawn(async move {
        while !shutdown.has_begun() {
            match mail.send_due(|| shutdown.has_begun()).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::debug!(error = %error, "mail waits for the database"),
            }
            tokio::select! {
                () = shutdown.begun() => {}
                () = mail.queued.notified() => {}
                () = tokio::time::sleep(mail.poll) => {}
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_whole_and_other_scripts_are_encoded() {
        let link = format!("https://patchbay.example.com/#token={}", "a".repeat(80));
        let plain = body(format!("Open:\n{link}\n"));
        assert_eq!(plain.encoding(), ContentTransferEncoding::SevenBit);
        assert_eq!(plain.into_vec(), format!("Open:\r\n{link}\r\n").into_bytes());
        assert_ne!(body("Büro\n".to_owned()).encoding(), ContentTransferEncoding::SevenBit);
        assert_ne!(body("a".repeat(999)).encoding(), ContentTransferEncoding::SevenBit);
    }

    #[test]
    fn pauses_grow_within_their_limit() {
        let seconds: Vec<u64> = [1, 2, 3, 30, i32::MAX].map(|tries| pause(tries).as_secs()).to_vec();
        assert_eq!(seconds, [15, 60, 240, 3_600, 3_600]);
    }
}
