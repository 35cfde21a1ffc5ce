//! A database of one's own on a cluster that the tests of one process share and that ends with them.

use std::sync::{Arc, Weak};

use backing::ThrowAway;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::PgPool;
use tokio::sync::Mutex;

static CLUSTER: Mutex<Weak<ThrowAway>> = Mutex::const_new(Weak::new());

pub(crate) struct Database {
    cluster: Arc<ThrowAway>,
    name: String,
}

impl Database {
    pub(crate) async fn create() -> Self {
        let cluster = cluster().await;
        let name = format!("router_{}", uuid::Uuid::now_v7().simple());
        cluster.postgres().create_database(&name, None).await.unwrap();
        let database = Self { cluster, name };
        pg::migrate(&database.url()).await.unwrap();
        database
    }

    pub(crate) fn url(&self) -> SecretString {
        self.cluster.postgres().url_of(&self.name)
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
        self.cluster.postgres().drop_database(&self.name).await.unwrap();
    }
}

async fn cluster() -> Arc<ThrowAway> {
    let mut shared = CLUSTER.lock().await;
    if let Some(cluster) = shared.upgrade() {
        return cluster;
    }
    let cluster = Arc::new(ThrowAway::start().await.unwrap());
    *shared = Arc::downgrade(&cluster);
    cluster
}
