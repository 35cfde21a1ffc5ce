//! The record of changes: sealed in hash chains, so that whatever is done to it is found and named.

use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use uuid::Uuid;

use crate::support::Platform;
use crate::support::eventually;
use crate::support::person::Person;

const OFTEN: &str = "[edge.audit]\nseal_every_ms = 20";
const VERIFYING: &str = "[edge.audit]\nseal_every_ms = 20\ncheck_every_ms = 20\ncheck_batch = 2";

/// Past every policy and, in this session, past every trigger.
async fn superuser(platform: &Platform) -> PgConnection {
    PgConnection::connect(platform.database.url().expose_secret()).await.unwrap()
}

async fn verified(platform: &Platform) -> Value {
    platform.admin(Method::GET, "/audit/verify", "").await.json()
}

/// Makes some changes, and waits until everything is sealed.
async fn sealed(platform: &Platform) {
    let keys = format!("/tenants/{}/keys", platform.tenant);
    for name in ["a", "b", "c", "d", "e", "f"] {
        let made = platform.admin(Method::POST, &keys, &json!({ "name": name }).to_string()).await;
        assert_eq!(made.status, 201);
    }
    eventually("everything is sealed", async || (verified(platform).await["waiting"] == 0).then_some(()))
        .await;
}

/// What somebody does to the third entry of a chain who may do anything, and what is said of which place.
const TAMPERING: [(&str, &str, Option<i64>, &str); 10] = [
    (
        "an entry is changed",
        "update identity.audit_log set actor = 'user:nobody' where id = $entry",
        Some(3),
        "it is not what was sealed",
    ),
    (
        "details are changed",
        "update identity.audit_log set details = '{\"name\": \"other\"}' where id = $entry",
        Some(3),
        "its details are not what was written",
    ),
    (
        "details are taken away",
        "update identity.audit_log set details = '{}', salt = null where id = $entry",
        Some(3),
        "its details were taken away",
    ),
    ("an entry is deleted", "delete from identity.audit_log where id = $entry", Some(3), "it was removed"),
    (
        "an entry is deleted with its link",
        "delete from identity.audit_log where id = $entry; delete from identity.audit_link where entry_id = $entry",
        Some(4),
        "the links before it are missing",
    ),
    (
        "an entry is inserted in the middle",
        "insert into identity.audit_log (id, at, tenant_id, actor, action, target, details, xid, salt, details_sha256)
         select gen_random_uuid(), at, tenant_id, actor, action, 'another', details, xid, salt, details_sha256
         from identity.audit_log where id = $entry",
        None,
        "it was put in after its time was sealed",
    ),
    (
        "an entry is inserted in the place of another",
        "insert into identity.audit_log (id, at, tenant_id, actor, action, target, details, xid, salt, details_sha256)
         select gen_random_uuid(), at, tenant_id, actor, action, 'another', details, xid, salt, details_sha256
         from identity.audit_log where id = $entry;
         update identity.audit_link set entry_id = (select id from identity.audit_log where target = 'another')
         where entry_id = $entry",
        Some(3),
        "it is not what was sealed",
    ),
    (
        "two entries change places",
        "create temporary table pair on commit drop as
             select * from identity.audit_link where tenant_id = $tenant and position in (3, 4);
         update identity.audit_link set entry_id = gen_random_uuid() where tenant_id = $tenant and position in (3, 4);
         update identity.audit_link l set entry_id = p.entry_id from pair p
         where l.tenant_id = $tenant and l.position in (3, 4) and l.position = 7 - p.position",
        Some(3),
        "it is not what was sealed",
    ),
    (
        "two entries change their times",
        "update identity.audit_log l set at = o.at from identity.audit_log o
         where l.id = $entry and o.tenant_id = $tenant and o.id > l.id",
        Some(3),
        "it is not what was sealed",
    ),
    (
        "the last entries are cut off",
        "delete from identity.audit_log l using identity.audit_link k
             where k.entry_id = l.id and k.tenant_id = $tenant and k.position >= 3;
         delete from identity.audit_link where tenant_id = $tenant and position >= 3",
        None,
        "entries were sealed and",
    ),
];

#[tokio::test]
async fn whatever_is_done_to_the_record_is_found_where_it_begins() {
    let platform = Platform::start_with(OFTEN, None).await;
    sealed(&platform).await;
    let whole = verified(&platform).await;
    assert_eq!((&whole["is_whole"], &whole["faults"]), (&json!(true), &json!([])));
    let mut session = superuser(&platform).await;
    let entry: Uuid =
        sqlx::query_scalar("select entry_id from identity.audit_link where tenant_id = $1 and position = 3")
            .bind(platform.tenant.uuid())
            .fetch_one(&mut session)
            .await
            .unwrap();
    for (what, statements, place, says) in TAMPERING {
        let statements = statements
            .replace("$entry", &format!("'{entry}'"))
            .replace("$tenant", &format!("'{}'", platform.tenant));
        let mut change = session.begin().await.unwrap();
        sqlx::raw_sql("set local session_replication_role = replica").execute(&mut *change).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut *change).await.unwrap();
        let faults: Vec<(Uuid, Option<i64>, String)> =
            sqlx::query_as("select tenant_id, place, fault from identity.verify_audit(null)")
                .fetch_all(&mut *change)
                .await
                .unwrap();
        change.rollback().await.unwrap();
        // Where links are gone, the count of all says so too, in the platform's name.
        let (tenant, found, fault) = faults.last().unwrap();
        assert_eq!(*found, place, "{what}: {fault}");
        assert!(fault.contains(says), "{what}: {fault}");
        let is_cut = says.contains("were sealed and");
        assert_eq!(*tenant, if is_cut { Uuid::nil() } else { platform.tenant.uuid() }, "{what}");
    }
    // The same by the API.
    let statement = format!(
        "set session_replication_role = replica; update identity.audit_log set action = 'x' where id = '{entry}'"
    );
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut session).await.unwrap();
    let found = verified(&platform).await;
    assert_eq!(found["is_whole"], false);
    assert_eq!(
        (&found["faults"][0]["entry_id"], &found["faults"][0]["position"]),
        (&json!(entry), &json!(3))
    );
    let others = format!("/audit/verify?tenant={}", Uuid::nil());
    assert_eq!(platform.admin(Method::GET, &others, "").await.json()["is_whole"], true);
    platform.stop().await;
}

#[tokio::test]
async fn not_even_the_owner_of_the_table_changes_it() {
    let platform = Platform::start_with(OFTEN, None).await;
    sealed(&platform).await;
    let mut session = superuser(&platform).await;
    for statement in [
        "update identity.audit_log set actor = 'x'",
        "update identity.audit_log set details = '{}', salt = null",
        "delete from identity.audit_log",
        "truncate identity.audit_log",
        "update identity.audit_link set position = position + 100",
        "delete from identity.audit_link",
        "truncate identity.audit_link",
    ] {
        let refused = sqlx::raw_sql(statement).execute(&mut session).await.unwrap_err();
        assert!(refused.to_string().contains("immutable"), "{statement}: {refused}");
    }
    platform.stop().await;
}

const WRITE: &str =
    "insert into identity.audit_log (id, actor, action, target) values ($1, 'a', 'test.write', 't')";

#[tokio::test]
async fn who_writes_waits_for_nobody_and_is_sealed_in_the_order_of_beginning() {
    let platform = Platform::start_with(OFTEN, None).await;
    let (mut slow, mut fast) = (superuser(&platform).await, superuser(&platform).await);
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    let mut open = slow.begin().await.unwrap();
    sqlx::query(WRITE).bind(first).execute(&mut *open).await.unwrap();
    sqlx::raw_sql("set lock_timeout = '1ms'").execute(&mut fast).await.unwrap();
    sqlx::query(WRITE).bind(second).execute(&mut fast).await.unwrap();
    let links = "select entry_id from identity.audit_link where entry_id = any($1) order by position";
    for _ in 0..3 {
        sqlx::query("select identity.seal_audit(1000)").execute(&mut fast).await.unwrap();
        let sealed: Vec<Uuid> =
            sqlx::query_scalar(links).bind(vec![first, second]).fetch_all(&mut fast).await.unwrap();
        assert_eq!(sealed, Vec::<Uuid>::new(), "the earlier transaction may still write more");
    }
    open.commit().await.unwrap();
    let sealed = eventually("both are sealed", async || {
        let mut session = superuser(&platform).await;
        let sealed: Vec<Uuid> =
            sqlx::query_scalar(links).bind(vec![first, second]).fetch_all(&mut session).await.unwrap();
        (sealed.len() == 2).then_some(sealed)
    })
    .await;
    assert_eq!(sealed, [first, second]);
    assert_eq!(verified(&platform).await["is_whole"], true);
    platform.stop().await;
}

#[tokio::test]
async fn an_organisation_reads_its_own_record_page_by_page() {
    let platform = Platform::start_with(OFTEN, None).await;
    sealed(&platform).await;
    let mut admin = Person::admin(&platform).await;
    let (mut path, mut actions) = ("/audit?limit=3".to_owned(), Vec::new());
    loop {
        let page = admin.get(&path).await.json();
        let rows = page["data"].as_array().unwrap();
        actions.extend(rows.iter().map(|row| row["action"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/audit?limit=3&after={next}");
    }
    let mut expected = vec!["key.create"; 6];
    expected.insert(0, "person.sign_in");
    expected.push("person.create");
    assert_eq!(actions, expected, "of nobody else, newest first");
    platform.stop().await;
}

/// What the platform's invariant says of the record.
async fn invariant(platform: &Platform) -> (Value, Vec<Value>) {
    let found = platform.admin(Method::GET, "/invariants?kept=true", "").await.json();
    let all = |list: &str| -> Vec<Value> {
        found[list].as_array().unwrap().iter().filter(|one| one["invariant"] == "A1").cloned().collect()
    };
    (all("invariants").remove(0), all("breaches"))
}

#[tokio::test]
async fn what_was_sealed_is_verified_bit_by_bit_and_a_fault_is_told_until_it_is_mended() {
    let platform = Platform::start_with(VERIFYING, None).await;
    sealed(&platform).await;
    let whole = eventually("a round has ended", async || {
        let (invariant, breaches) = invariant(&platform).await;
        (invariant["whole_at"].is_string() && breaches.is_empty()).then_some(invariant)
    })
    .await;
    assert_eq!((&whole["breaches"], &whole["freezes_invoicing"]), (&json!(0), &json!(false)));
    let mut session = superuser(&platform).await;
    sqlx::raw_sql("set session_replication_role = replica").execute(&mut session).await.unwrap();
    let entry: Uuid =
        sqlx::query_scalar("select entry_id from identity.audit_link where tenant_id = $1 and position = 3")
            .bind(platform.tenant.uuid())
            .fetch_one(&mut session)
            .await
            .unwrap();
    for (statement, faults) in [
        ("update identity.audit_log set action = 'x' || action where id = $1", 1),
        ("update identity.audit_log set action = substr(action, 2) where id = $1", 0),
    ] {
        sqlx::query(statement).bind(entry).execute(&mut session).await.unwrap();
        let breaches = eventually("it is found, or found to be mended", async || {
            let (_, breaches) = invariant(&platform).await;
            (breaches.len() == faults).then_some(breaches)
        })
        .await;
        for breach in breaches {
            assert_eq!(breach["detail"], format!("entry {entry}: it is not what was sealed"));
            assert_eq!(breach["tenant_id"], platform.tenant.to_string());
        }
    }
    sqlx::query("delete from identity.audit_log where id = $1")
        .bind(entry)
        .execute(&mut session)
        .await
        .unwrap();
    eventually("it is missed", async || {
        let (_, breaches) = invariant(&platform).await;
        let says = |breach: &Value| breach["detail"].as_str().unwrap().contains("entries were sealed and");
        breaches.iter().any(says).then_some(())
    })
    .await;
    platform.stop().await;
}
