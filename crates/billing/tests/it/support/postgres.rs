//! A private Postgres for this test binary, and a database of its own for each test.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use secrecy::SecretString;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// Runs the server until the pipe that is its input closes, which it does when this process is gone.
const KEEPER: &str = r#"
trap '' INT TERM HUP
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=300 >"$2/log" 2>&1 &
read -r _
kill -QUIT $!
wait
rm -rf "$2"
"#;

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

struct Cluster {
    folder: PathBuf,
    _keeper: Child,
}

/// One database, cloned from a migrated template. `admin` is its owner, past every policy.
pub(crate) struct Database {
    pub admin: PgPool,
    url: SecretString,
}

impl Database {
    pub(crate) async fn create() -> Self {
        let cluster = CLUSTER.get_or_init(Cluster::start).await;
        let name = format!("t_{}", Uuid::now_v7().simple());
        let mut server = PgConnection::connect(&cluster.url("postgres")).await.unwrap();
        let create = format!("create database {name} template template_billing");
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut server).await.unwrap();
        let url = cluster.url(&name);
        let admin = PgPoolOptions::new().max_connections(4).connect_lazy(&url).unwrap();
        Self { admin, url: url.into() }
    }

    /// The same database, for another replica.
    pub(crate) fn of(other: &Self) -> Self {
        Self { admin: other.admin.clone(), url: other.url.clone() }
    }

    /// A pool as billing has it.
    pub(crate) fn pool(&self) -> PgPool {
        let config = pg::Config { url: self.url.clone(), max_connections: 16 };
        pg::connect(&config, pg::Owner::Billing).unwrap()
    }

    /// A pool in another role.
    pub(crate) async fn pool_as(&self, set_role: &'static str) -> PgPool {
        use secrecy::ExposeSecret as _;
        PgPoolOptions::new()
            .max_connections(1)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    sqlx::Executor::execute(connection, set_role).await?;
                    Ok(())
                })
            })
            .connect(self.url.expose_secret())
            .await
            .unwrap()
    }
}

impl Cluster {
    async fn start() -> Self {
        let binaries = binaries();
        let folder = std::env::temp_dir().join(format!("billing-{}", Uuid::now_v7().simple()));
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let root = fs::metadata("/proc/self").unwrap().uid() == 0;
        if root {
            // Postgres refuses to run as root.
            run(Command::new("chown").arg("postgres").arg(&folder));
        }
        let mut initdb = unprivileged(root, &binaries.join("initdb"));
        run(initdb.arg("-D").arg(folder.join("data")).args(["--no-sync", "-A", "trust", "-U", "patchbay"]));
        let keeper = unprivileged(root, Path::new("sh"))
            .args(["-c", KEEPER, "keeper"])
            .arg(&binaries)
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let cluster = Self { folder, _keeper: keeper };
        cluster.prepare_template().await;
        cluster
    }

    async fn prepare_template(&self) {
        let mut tries = 0;
        let mut server = loop {
            match PgConnection::connect(&self.url("postgres")).await {
                Ok(server) => break server,
                Err(error) if tries == 600 => {
                    let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                    panic!("Postgres did not start: {error}\n{log}");
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
            tries += 1;
        };
        sqlx::raw_sql("create database template_billing").execute(&mut server).await.unwrap();
        pg::migrate(&self.url("template_billing").into()).await.unwrap();
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://patchbay@localhost/{database}?host={}", self.folder.display())
    }
}

/// The newest installed server.
fn binaries() -> PathBuf {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            let folder = entry.path().join("bin");
            folder.join("postgres").is_file().then_some((version, folder))
        })
        .collect();
    found.sort();
    let newest = found.pop();
    newest.expect("these tests need a PostgreSQL server: apt-get install postgresql").1
}

fn unprivileged(root: bool, program: &Path) -> Command {
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program).current_dir("/");
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
