//! Passwords: Argon2id on the blocking pool, few at a time.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Error;

/// KiB of memory of one hash.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Of the same cost as every other one, and of no password: what somebody is checked against who has none, so that
/// the time of an answer does not tell who is known.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const SHORTEST: usize = 12;
const LONGEST: usize = 200;
/// How long somebody waits for others' passwords to be checked.
const PATIENCE: Duration = Duration::from_secs(5);

/// Checks and hashes passwords, within a bound of memory.
pub(crate) struct Passwords(Arc<Semaphore>);

/// The right to compute one hash.
pub(crate) struct Place(OwnedSemaphorePermit);

impl Passwords {
    /// At most so many hashes at once, of 19 MiB each, and none on half of the processors: those are for inference.
    pub(crate) fn new(hashes: usize) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self(Arc::new(Semaphore::new(hashes.min(processors / 2).max(1))))
    }

    /// # Errors
    /// [`Error::Busy`] when there is none for too long.
    pub(crate) async fn place(&self) -> Result<Place, Error> {
        let place = tokio::time::timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await;
        place.ok().and_then(Result::ok).map(Place).ok_or(Error::Busy)
    }

    /// The hash of a new password, as a PHC string.
    ///
    /// # Errors
    /// [`Error::Busy`] and [`Error::Hash`].
    pub(crate) async fn hash(&self, password: String) -> Result<String, Error> {
        let place = self.place().await?;
        on_blocking_pool(place, move || hash(&password)).await?
    }
}

/// The right to a hash is given back when the hash is there, also when nobody waits for it any more.
async fn on_blocking_pool<T: Send + 'static>(
    place: Place,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let task = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(place.0);
        done
    });
    task.await.map_err(|_| Error::Hash)
}

/// Whether a password is the one of `hash`; `None` takes as long and is no password's.
///
/// # Errors
/// [`Error::Hash`] when it cannot be told.
pub(super) async fn is_right(place: Place, password: String, hash: Option<String>) -> Result<bool, Error> {
    on_blocking_pool(place, move || {
        let hash = hash.as_deref().unwrap_or(NOBODYS);
        argon2().is_some_and(|argon2| argon2.verify_password(password.as_bytes(), hash).is_ok())
    })
    .await
}

/// The hash itself, where no runtime is to be kept free: 19 MiB and some tens of milliseconds.
///
/// # Errors
/// [`Error::Hash`].
pub(crate) fn hash(password: &str) -> Result<String, Error> {
    let hashed = argon2().ok_or(Error::Hash)?.hash_password(password.as_bytes()).map_err(|_| Error::Hash)?;
    Ok(hashed.to_string())
}

fn argon2() -> Option<Argon2<'static>> {
    let params = Params::new(MEMORY, PASSES, LANES, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Length counts, nothing else does.
///
/// # Errors
/// [`Error::Password`].
pub(super) fn check_rules(password: &str, email: &str) -> Result<(), Error> {
    let length = password.chars().count();
    if length < SHORTEST {
        return Err(Error::Password("password: use at least 12 characters"));
    }
    if length > LONGEST {
        return Err(Error::Password("password: use at most 200 characters"));
    }
    if password.trim().to_lowercase() == email {
        return Err(Error::Password("password: use something else than the e-mail address"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_and_nothing_else() {
        let of = |password: &str| check_rules(password, "ada.lovelace@example.com").is_ok();
        assert!(of("aaaaaaaaaaaa") && of("ääääääääääää") && of(&"x".repeat(200)));
        assert!(!of("aaaaaaaaaaa") && !of(&"x".repeat(201)) && !of("Ada.Lovelace@example.com"));
    }

    #[tokio::test]
    async fn a_password_is_right_or_wrong_and_nobodys_is_never_right() {
        let passwords = Passwords::new(1);
        let kept = passwords.hash("correct horse battery".to_owned()).await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(NOBODYS.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        for (password, hash, expected) in [
            ("correct horse battery", Some(kept.clone()), true),
            ("wrong", Some(kept), false),
            ("", None, false),
        ] {
            let place = passwords.place().await.unwrap();
            assert_eq!(is_right(place, password.to_owned(), hash).await.unwrap(), expected, "{password}");
        }
    }

    #[test]
    fn nobodys_hash_is_computed_like_any_other() {
        assert!(argon2::PasswordHash::new(NOBODYS).is_ok());
    }
}
