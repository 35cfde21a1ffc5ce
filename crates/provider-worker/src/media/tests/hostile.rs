//! URLs that try to reach what is not public. The traps listen on this machine, at a port that the rules of these
//! tests allow, so that an address is refused for being private and for nothing else.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use dialect::error::{ErrorType, ProviderError, Retry};

use super::super::{Cause, Error, Fetcher, Hidden};
use super::{Config, Script, Trap, config, fetcher};
use egress::Refusal;

/// Refused for how they are written. `{p}` is the trap's port.
const MISSHAPEN: [&str; 53] = [
    "",
    "image.png",
    "//127.0.0.1:{p}/",
    "https:",
    "https://",
    "https://:{p}/",
    "https:///?x",
    "https://127.0.0.1:65536/",
    "https://127.0.0.256:{p}/",
    "https://4294967296:{p}/",
    "https://127.0.0.1:{p} /",
    " https://127.0.0.1:{p}/",
    "https://127.0.0.1:{p}/\n",
    "https://127.0.0.1\t:{p}/",
    "ht\ntps://127.0.0.1:{p}/",
    "\u{0}https://127.0.0.1:{p}/",
    "https://127.0.0.1%00.public.example:{p}/",
    "https://public.example%40127.0.0.1:{p}/",
    "https://public.example%2f@127.0.0.1:{p}/",
    "https://public.example\\@127.0.0.1:{p}/",
    "https:\\\\127.0.0.1:{p}\\",
    "https:/\\127.0.0.1:{p}/",
    "https://[::1%25lo]:{p}/",
    "https://[fe80::1%25eth0]:{p}/",
    "https://[::1:{p}/",
    "https://[::ffff:127.0.0.1/",
    "http://127.0.0.1:{p}/",
    "http://public.example:{p}/",
    "HTTP://127.0.0.1:{p}/",
    "ftp://127.0.0.1:{p}/",
    "file:///etc/passwd",
    "file://127.0.0.1:{p}/etc/passwd",
    "gopher://127.0.0.1:{p}/_INFO",
    "dict://127.0.0.1:{p}/info",
    "ldap://127.0.0.1:{p}/",
    "ws://127.0.0.1:{p}/",
    "wss://127.0.0.1:{p}/",
    "javascript:fetch('https://127.0.0.1:{p}/')",
    "blob:https://127.0.0.1:{p}/1",
    "view-source:https://127.0.0.1:{p}/",
    "gs://bucket/object",
    "s3://bucket/object",
    "https://user@127.0.0.1:{p}/",
    "https://user:password@public.example:{p}/",
    "https://public.example@127.0.0.1:{p}/",
    "https://public.example:443@127.0.0.1:{p}/",
    "https://127.0.0.1:{p}#@public.example@127.0.0.1/",
    "https://:password@127.0.0.1:{p}/",
    "https://public.example:22/",
    "https://public.example:80/",
    "https://public.example:6379/",
    "https://public.example:8080/",
    "https://public.example:0/",
];

/// Refused for the address or the name that they spell out.
const LITERAL: [&str; 82] = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0x7F.1",
    "0x7f.0x0.0x0.0x1",
    "0177.0.0.1",
    "0177.0.0.01",
    "017700000001",
    "127.0x1",
    "0x7f.00.0.1",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "１２７.０.０.１",
    "127。0。0。1",
    "①②⑦.⓪.⓪.①",
    "0",
    "0.0.0.0",
    "0x0",
    "00000",
    "0.0.0.1",
    "10.0.0.1",
    "10.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.257",
    "3232235777",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "169.254.170.2",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "192.88.99.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:7f00:0001]",
    "[::ffff:169.254.169.254]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "[2001:2::1]",
    "[2001:10::1]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[100::1]",
    "[5f00::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[2a00::5efe:127.0.0.1]",
    "localhost",
    "LOCALHOST.",
    "metadata.google.internal",
    "ⓛocalhost",
];

const NAMES: [&str; 8] = [
    "redis",
    "foo.localhost",
    "printer.local",
    "router.lan",
    "nas.home",
    "x.home.arpa",
    "wiki.corp",
    "localhost.localdomain",
];

/// What names resolve to, all of it or a part.
const RESOLVED: [&[&str]; 17] = [
    &["127.0.0.1"],
    &["127.0.0.53"],
    &["0.0.0.0"],
    &["10.0.0.1"],
    &["172.17.0.1"],
    &["192.168.1.1"],
    &["169.254.169.254"],
    &["100.64.0.1"],
    &["::1"],
    &["::ffff:127.0.0.1"],
    &["64:ff9b::7f00:1"],
    &["fd00:ec2::254"],
    &["fe80::1"],
    &["2002:7f00:1::1"],
    &["8.8.8.8", "127.0.0.1"],
    &["127.0.0.1", "8.8.8.8"],
    &["2606:4700::1", "::1"],
];

async fn cause(fetcher: &Fetcher, url: &str) -> Cause {
    fetcher.fetch(url, &AtomicUsize::new(10_000)).await.unwrap_err().cause
}

/// Traps at one port of both loopback addresses; the second where this machine has it.
async fn traps() -> Vec<Trap> {
    let first = Trap::set("127.0.0.1:0").await.unwrap();
    let second = Trap::set(&format!("[::1]:{}", first.port())).await;
    std::iter::once(first).chain(second).collect()
}

async fn assert_untouched(traps: &[Trap]) {
    for trap in traps {
        assert_eq!(trap.count().await, 0, "a connection arrived at {}", trap.address);
    }
}

#[tokio::test]
async fn without_the_rules_a_trap_is_reached() {
    let traps = traps().await;
    let port = traps[0].port();
    let mut fetcher = fetcher(&config(), &[port], Arc::new(Script::default()));
    fetcher.rules.is_public = |_| true;
    let cause = cause(&fetcher, &format!("https://127.1:{port}/")).await;
    assert_eq!(cause, Cause::Unreachable(Hidden::Connection), "a trap speaks no TLS");
    assert_eq!(traps[0].count().await, 1);
}

#[tokio::test]
async fn misshapen_urls_reach_nothing() {
    let (traps, script) = (traps().await, Arc::new(Script::default()));
    let fetcher = fetcher(&config(), &[traps[0].port()], Arc::clone(&script));
    for url in MISSHAPEN {
        let url = url.replace("{p}", &traps[0].port().to_string());
        assert!(matches!(cause(&fetcher, &url).await, Cause::Refused(_)), "{url:?}");
        assert!(fetcher.check(&url).is_err(), "{url:?} may not be passed on either");
    }
    let long = format!("https://public.example/{}", "a".repeat(9_000));
    assert!(matches!(cause(&fetcher, &long).await, Cause::Refused(_)));
    assert_eq!(script.asked(), 0, "nothing is looked up for them");
    assert_untouched(&traps).await;
}

#[tokio::test]
async fn private_addresses_reach_nothing_in_whatever_way_they_are_written() {
    let (traps, script) = (traps().await, Arc::new(Script::default()));
    let fetcher = fetcher(&config(), &[traps[0].port()], Arc::clone(&script));
    for host in LITERAL.iter().chain(&NAMES) {
        for port in [traps[0].port(), 443] {
            let url = format!("https://{host}:{port}/latest/meta-data/");
            assert_eq!(cause(&fetcher, &url).await, Cause::Refused(Refusal::Host), "{url}");
            assert!(fetcher.check(&url).is_err(), "{url} may not be passed on either");
        }
    }
    assert_eq!(script.asked(), 0, "nothing is looked up for them");
    assert_untouched(&traps).await;
}

#[tokio::test]
async fn names_of_private_addresses_reach_nothing() {
    let traps = traps().await;
    let mut script = Script::default().with("nowhere.example", &[&[]]);
    for (n, addresses) in RESOLVED.iter().enumerate() {
        script = script.with(&format!("host-{n}.example"), &[addresses]);
    }
    let script = Arc::new(script);
    let fetcher = fetcher(&config(), &[traps[0].port()], Arc::clone(&script));
    for (n, addresses) in RESOLVED.iter().enumerate() {
        let url = format!("https://host-{n}.example:{}/a.png", traps[0].port());
        assert_eq!(cause(&fetcher, &url).await, Cause::Unreachable(Hidden::Private), "{addresses:?}");
        assert_eq!(script.asked(), n + 1, "each name is looked up once");
    }
    for host in ["nowhere.example", "unknown.example"] {
        let url = format!("https://{host}:{}/a.png", traps[0].port());
        assert_eq!(cause(&fetcher, &url).await, Cause::Unreachable(Hidden::Unresolved));
    }
    assert_untouched(&traps).await;
}

/// Where the redirects of one server lead, by path.
type Places = Arc<HashMap<String, String>>;

async fn send_on(State(places): State<Places>, Path(path): Path<String>) -> Response {
    match places.get(&path) {
        Some(place) if place.is_empty() => StatusCode::FOUND.into_response(),
        Some(place) => (StatusCode::FOUND, [(LOCATION, place.as_str())]).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

const REDIRECTED: [&str; 18] = [
    "http://127.0.0.1:{p}/",
    "http://public.example:{p}/",
    "https://127.0.0.1:{p}/",
    "//127.0.0.1:{p}/",
    "https://[::1]:{p}/",
    "https://[::ffff:127.0.0.1]:{p}/",
    "https://2130706433:{p}/",
    "https://0x7f.1:{p}/",
    "https://localhost:{p}/",
    "https://user@public.example:{p}/",
    "https://public.example:22/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[fd00:ec2::254]/latest/meta-data/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{p}/",
    "javascript:alert(1)",
    "gs://bucket/object",
    "https://[::1",
];

#[tokio::test]
async fn redirects_reach_nothing_that_the_first_url_might_not() {
    let traps = traps().await;
    let port = traps[0].port();
    let hostile = REDIRECTED.iter().enumerate();
    let hostile = hostile.map(|(n, place)| (n.to_string(), place.replace("{p}", &port.to_string())));
    let private = format!("https://private.example:{port}/");
    let more =
        [("hop-4", "/hop-3"), ("hop-3", "hop-2"), ("hop-2", "/hop-1"), ("hop-1", "/end"), ("round", "round")];
    let more = more.into_iter().chain([("blank", ""), ("private", &private)]);
    let places: HashMap<String, String> =
        hostile.chain(more.map(|(path, place)| (path.to_owned(), place.to_owned()))).collect();

    let app = Router::new().route("/{path}", get(send_on)).with_state(Arc::new(places));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let script = Script::default().with("private.example", &[&["127.0.0.1"]]);
    let config = Config { allowed_origins: vec![origin.clone()], ..config() };
    let fetcher = fetcher(&config, &[port], Arc::new(script));
    for (n, place) in REDIRECTED.iter().enumerate() {
        assert_eq!(cause(&fetcher, &format!("{origin}/{n}")).await, Cause::RefusedRedirect, "{place}");
    }
    for (path, expected) in [
        ("private", Cause::Unreachable(Hidden::Private)),
        ("hop-3", Cause::Status(404)),
        ("hop-4", Cause::Redirects),
        ("round", Cause::Redirects),
        ("blank", Cause::Status(302)),
    ] {
        assert_eq!(cause(&fetcher, &format!("{origin}/{path}")).await, expected, "{path}");
    }
    assert_untouched(&traps).await;
}

#[tokio::test]
async fn what_is_told_says_nothing_of_the_network() {
    let script =
        Script::default().with("a.example", &[&["10.20.30.40"]]).with("c.example", &[&["127.0.0.1"]]);
    let mut fetcher = fetcher(&config(), &[1], Arc::new(script));
    let told = async |fetcher: &Fetcher, host: &str, port: u16| {
        let url = format!("https://{host}.example:{port}/x?token=secret");
        let error = fetcher.fetch(&url, &AtomicUsize::new(1)).await.unwrap_err();
        ProviderError::from(error)
    };
    let private = told(&fetcher, "a", 1).await;
    let unknown = told(&fetcher, "b", 1).await;
    fetcher.rules.is_public = |_| true;
    let unreachable = told(&fetcher, "c", 1).await;
    assert_eq!(private.message.replace("a.example", "_"), unknown.message.replace("b.example", "_"));
    assert_eq!(private.message.replace("a.example", "_"), unreachable.message.replace("c.example", "_"));
    assert!(!private.message.contains("10.20.30.40") && !private.message.contains("secret"), "{private:?}");
    assert!(private.message.contains("https://a.example:1/x"), "{private:?}");
    assert_eq!((private.error_type, private.retry), (ErrorType::ImageDownloadFailed, Retry::Never));
    assert!(!private.is_fault);
}

#[test]
fn an_error_repeats_a_url_without_what_is_secret_in_it() {
    for (url, shown) in [
        ("https://user:pw@host.example/a@b?sig=1#f", "https://host.example/a@b"),
        ("user:pw", "user:pw"),
        ("https://u:p@host.example", "https://host.example"),
        ("https://host.example/\u{7}\n", "https://host.example/"),
    ] {
        assert_eq!(Error::of(url, Cause::Late).url, shown);
    }
    let long = Error::of(&format!("https://host.example/{}", "ä".repeat(500)), Cause::Late);
    assert_eq!(long.url.chars().count(), 121);
}
