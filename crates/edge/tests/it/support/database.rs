//! A database of one's own, migrated.

use backing::TestDatabase;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Database(TestDatabase);

impl Database {
    pub(crate) async fn create() -> Self {
        Self(TestDatabase::create(async |url| pg::migrate(&url).await.unwrap()).await.unwrap())
    }

    pub(crate) fn url(&self) -> secrecy::SecretString {
        self.0.url()
    }

    /// Takes the database away from everybody, for good.
    pub(crate) async fn lose(&self) {
        self.0.lose().await.unwrap();
    }
}
