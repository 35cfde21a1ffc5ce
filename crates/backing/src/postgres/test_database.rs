//! Databases for tests, on a cluster that all tests of a process share.

use std::sync::{Arc, Weak};

use secrecy::SecretString;
use tokio::sync::Mutex;

use super::ThrowAway;
use crate::{Error, random_text};

/// What every other one is a copy of.
const TEMPLATE: &str = "template_of_tests";

static SHARED: Mutex<Weak<ThrowAway>> = Mutex::const_new(Weak::new());

/// A database of a test's own. Cheap to clone; its cluster ends with the last database of the process.
#[derive(Debug, Clone)]
pub struct TestDatabase {
    cluster: Arc<ThrowAway>,
    name: String,
}

impl TestDatabase {
    /// A copy of a database that `prepare` was given once, by its URL, and has left again.
    ///
    /// # Errors
    /// As [`ThrowAway::start`] and [`Postgres::create_database`](super::Postgres::create_database).
    pub async fn create(prepare: impl AsyncFnOnce(SecretString)) -> Result<Self, Error> {
        let cluster = shared(prepare).await?;
        let name = format!("test_{}", random_text(12));
        cluster.postgres().create_database(&name, Some(TEMPLATE)).await?;
        Ok(Self { cluster, name })
    }

    /// As the owner of everything, password included.
    #[must_use]
    pub fn url(&self) -> SecretString {
        self.cluster.postgres().url_of(&self.name)
    }

    /// Takes the database away from everybody, for good.
    ///
    /// # Errors
    /// As [`Postgres::drop_database`](super::Postgres::drop_database).
    pub async fn lose(&self) -> Result<(), Error> {
        self.cluster.postgres().drop_database(&self.name).await
    }
}

async fn shared(prepare: impl AsyncFnOnce(SecretString)) -> Result<Arc<ThrowAway>, Error> {
    let mut shared = SHARED.lock().await;
    if let Some(cluster) = shared.upgrade() {
        return Ok(cluster);
    }
    let cluster = Arc::new(ThrowAway::start().await?);
    cluster.postgres().create_database(TEMPLATE, None).await?;
    prepare(cluster.postgres().url_of(TEMPLATE)).await;
    *shared = Arc::downgrade(&cluster);
    Ok(cluster)
}
