use std::os::unix::fs::PermissionsExt as _;

use nix::sys::signal::kill;
use nix::unistd::{Pid, Uid};
use secrecy::ExposeSecret as _;
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Executor as _};

use super::*;
use crate::is_alive;

fn options(directory: &Path) -> PostgresOptions {
    PostgresOptions {
        directory: directory.join("postgres"),
        port: None,
        database: "patchbay".to_owned(),
        durable: true,
        progress: Progress::silent(),
    }
}

/// A folder that the user who runs the server may pass.
fn open_folder() -> tempfile::TempDir {
    let permissions = std::fs::Permissions::from_mode(0o711);
    tempfile::Builder::new().permissions(permissions).tempdir().unwrap()
}

async fn connect(postgres: &Postgres) -> PgConnection {
    PgConnection::connect(postgres.url().expose_secret()).await.unwrap()
}

async fn numbers(postgres: &Postgres) -> i64 {
    sqlx::query_scalar("select count(*) from numbers").fetch_one(&mut connect(postgres).await).await.unwrap()
}

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
}

#[tokio::test]
async fn a_second_start_keeps_the_data_and_needs_the_password() {
    let folder = open_folder();
    let postgres = Postgres::start(&options(folder.path())).await.unwrap();
    connect(&postgres).await.execute("create table numbers as select 1 as n").await.unwrap();
    let stranger = format!("postgres://patchbay:guess@127.0.0.1:{}/patchbay", postgres.port());
    PgConnection::connect(&stranger).await.unwrap_err();
    let fsync: String =
        sqlx::query_scalar("show fsync").fetch_one(&mut connect(&postgres).await).await.unwrap();
    assert_eq!(fsync, "on");
    let pid = postgres.pid();
    postgres.stop().await.unwrap();
    assert!(!is_alive(pid));
    let again = Postgres::start(&options(folder.path())).await.unwrap();
    assert_eq!(numbers(&again).await, 1);
    again.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_left_behind_is_adopted_and_can_be_stopped() {
    let folder = open_folder();
    let left = Postgres::start(&options(folder.path())).await.unwrap();
    let adopted = Postgres::start(&options(folder.path())).await.unwrap();
    assert_eq!((adopted.pid(), adopted.port()), (left.pid(), left.port()));
    connect(&adopted).await.execute("create table numbers as select 1 as n").await.unwrap();
    adopted.stop().await.unwrap();
    assert!(!is_alive(left.pid()));
}

#[tokio::test]
async fn a_killed_server_starts_again_on_its_port_with_what_was_committed() {
    let folder = open_folder();
    let postgres = Postgres::start(&options(folder.path())).await.unwrap();
    let session = connect(&postgres).await;
    let mut other = connect(&postgres).await;
    other.execute("create table numbers as select 1 as n").await.unwrap();
    signal(postgres.pid(), Signal::SIGKILL);
    let again = PostgresOptions { port: Some(postgres.port()), ..options(folder.path()) };
    let again = Postgres::start(&again).await.unwrap();
    assert_ne!(again.pid(), postgres.pid());
    assert_eq!((again.port(), numbers(&again).await), (postgres.port(), 1));
    drop(session);
    again.stop().await.unwrap();
}

#[tokio::test]
async fn a_pid_that_now_belongs_to_another_program_is_not_taken_for_the_server() {
    let folder = open_folder();
    let postgres = Postgres::start(&options(folder.path())).await.unwrap();
    let file = postgres.directory().join("cluster/postmaster.pid");
    let content = std::fs::read_to_string(&file).unwrap();
    let pid = postgres.pid().to_string();
    postgres.stop().await.unwrap();
    let ours = std::process::id().to_string();
    std::fs::write(&file, content.replacen(&pid, &ours, 1)).unwrap();
    let again = Postgres::start(&options(folder.path())).await.unwrap();
    again.stop().await.unwrap();
}

#[tokio::test]
async fn a_folder_closed_to_the_servers_user_gets_a_link_to_one_that_is_not() {
    if !Uid::effective().is_root() {
        eprintln!("SKIPPED: only root gives the server to another user");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let postgres = Postgres::start(&options(folder.path())).await.unwrap();
    let home = postgres.directory().to_owned();
    assert!(home.starts_with("/var/lib/patchbay"), "{}", home.display());
    assert_eq!(folder.path().join("postgres").canonicalize().unwrap(), home);
    postgres.stop().await.unwrap();
    std::fs::remove_dir_all(home).unwrap();
}

#[tokio::test]
async fn databases_are_cloned_from_a_template_and_the_throw_away_cluster_is_gone_at_the_end() {
    let cluster = ThrowAway::start().await.unwrap();
    let postgres = cluster.postgres();
    let (pid, directory) = (postgres.pid(), postgres.directory().to_owned());
    connect(postgres).await.execute("create table numbers as select 1 as n").await.unwrap();
    // The session above ends with its drop, which the server may notice a moment later.
    let mut made = postgres.create_database("copy_1", Some("patchbay")).await;
    for _ in 0..100 {
        if made.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        made = postgres.create_database("copy_1", Some("patchbay")).await;
    }
    made.unwrap();
    let url = postgres.url_of("copy_1");
    let mut copy = PgConnection::connect(url.expose_secret()).await.unwrap();
    let count: i64 = sqlx::query_scalar("select count(*) from numbers").fetch_one(&mut copy).await.unwrap();
    assert_eq!(count, 1);
    postgres.drop_database("copy_1").await.unwrap();
    postgres.create_database("x\"; drop", None).await.unwrap_err();
    drop(cluster);
    assert!(!is_alive(pid));
    assert!(!directory.exists());
}

#[tokio::test]
async fn what_a_killed_process_left_is_swept_away_and_nothing_else() {
    let folder = open_folder();
    // No process has the first pid: it is above every system's limit.
    let of = |maker: u32| folder.path().join(format!("patchbay-throw-away-{maker}-left"));
    let (left, kept) = (of(u32::MAX / 2), of(std::process::id()));
    std::fs::create_dir(&kept).unwrap();
    let options = PostgresOptions { directory: left.clone(), ..options(folder.path()) };
    let postgres = Postgres::start(&options).await.unwrap();
    throw_away::sweep(folder.path());
    assert!(!is_alive(postgres.pid()));
    assert!(!left.exists() && kept.exists());
}
