//! A database of one's own on a cluster that the tests of one process share and that ends with them.

use std::sync::{Arc, Weak};

use backing::ThrowAway;
use tokio::sync::Mutex;

static CLUSTER: Mutex<Weak<ThrowAway>> = Mutex::const_new(Weak::new());

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Database {
    cluster: Arc<ThrowAway>,
    name: String,
}

impl Database {
    pub(crate) async fn create() -> Self {
        let cluster = cluster().await;
        let name = format!("edge_{}", uuid::Uuid::now_v7().simple());
        cluster.postgres().create_database(&name, None).await.unwrap();
        let database = Self { cluster, name };
        pg::migrate(&database.url()).await.unwrap();
        database
    }

    pub(crate) fn url(&self) -> secrecy::SecretString {
        self.cluster.postgres().url_of(&self.name)
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
