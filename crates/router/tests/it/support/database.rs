//! A database of one's own, migrated.

use backing::TestDatabase;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::PgPool;

pub(crate) struct Database(TestDatabase);

impl Database {
    pub(crate) async fn create() -> Self {
        Self(TestDatabase::create(async |url| pg::migrate(&url).await.unwrap()).await.unwrap())
    }

    pub(crate) fn url(&self) -> SecretString {
        self.0.url()
    }

    /// A pool as the router has it.
    pub(crate) fn pool(&self) -> PgPool {
        let config = pg::Config { url: self.url(), max_connections: 4 };
        pg::connect(&config, pg::Owner::Catalog).unwrap()
    }

    /// Does to the tables what no operator could, as the owner of everything.
    pub(crate) async fn tamper(&self, sql: &'static str) {
        let pool = PgPool::connect(self.url().expose_secret()).await.unwrap();
        sqlx::raw_sql(sql).execute(&pool).await.unwrap();
        pool.close().await;
    }

    /// Takes the database away from everybody, for good.
    pub(crate) async fn lose(&self) {
        self.0.lose().await.unwrap();
    }
}
