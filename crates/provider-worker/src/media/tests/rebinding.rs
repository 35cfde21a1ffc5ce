//! Names whose addresses change between the check and the connection.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::super::{Cause, Hidden};
use super::{Script, Trap, config, fetcher};

const STAND_IN: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_that_is_called() {
    let trap = Trap::set("127.0.0.1:0").await.unwrap();
    let port = trap.port();
    // Another loopback address stands in for a public one.
    let Some(public) = Trap::set(&format!("{STAND_IN}:{port}")).await else {
        eprintln!("SKIPPED: this machine has no second loopback address");
        return;
    };
    let script = Script::default().with("rebind.example", &[&["127.0.0.2"], &["127.0.0.1"]]);
    let script = Arc::new(script);
    let mut fetcher = fetcher(&config(), &[port], Arc::clone(&script));
    fetcher.rules.is_public = |address| address == IpAddr::V4(STAND_IN);
    let url = format!("https://rebind.example:{port}/a.png");

    let first = fetcher.fetch(&url, &AtomicUsize::new(10_000)).await.unwrap_err();
    assert_eq!(first.cause, Cause::Unreachable(Hidden::Connection), "it speaks no TLS");
    assert_eq!(script.asked(), 1, "a connection is a single look-up");
    let second = fetcher.fetch(&url, &AtomicUsize::new(10_000)).await.unwrap_err();
    assert_eq!(second.cause, Cause::Unreachable(Hidden::Private));
    assert_eq!(public.count().await, 1);
    assert_eq!(trap.count().await, 0);
}
