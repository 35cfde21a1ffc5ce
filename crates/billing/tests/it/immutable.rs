//! What is written once stays as it was written, for every role that services have.

use sqlx::AssertSqlSafe;

use crate::support::Billing;
use crate::support::edge::Edge;
use crate::support::records::{record, settle};

/// Every table that services write and none may change. One that is new belongs here; one that has a life says so by a
/// grant in its migration.
const WRITTEN_ONCE: [&str; 21] = [
    "billing.attempt",
    "billing.bill_difference",
    "billing.clock_shift",
    "billing.credit_note",
    "billing.document",
    "billing.invoice_line",
    "billing.invoice_movement",
    "billing.invoice_payment",
    "billing.plan_move",
    "billing.plan_override",
    "billing.plan_version",
    "billing.price_version",
    "billing.processor_entry",
    "billing.provider_bill_line",
    "billing.seal",
    "billing.settlement",
    "billing.take",
    "billing.transfer",
    "billing.usage",
    "identity.audit_link",
    "identity.audit_log",
];

/// Services, and whoever only reads.
const ROLES: [&str; 4] = [
    "set role patchbay_billing",
    "set role patchbay_identity",
    "set role patchbay_catalog",
    "set role patchbay_report",
];

#[tokio::test]
async fn every_table_that_is_written_once_is_listed() {
    let billing = Billing::start().await;
    let found: Vec<String> = sqlx::query_scalar(
        "with services as (select unnest(array['patchbay_billing', 'patchbay_catalog', 'patchbay_identity']) as role)
        select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('billing', 'catalog', 'identity') and c.relkind in ('r', 'p') and not c.relispartition
            and not exists (select from services s where has_any_column_privilege(s.role, c.oid, 'update')
                or has_table_privilege(s.role, c.oid, 'delete'))
            and exists (select from services s where has_table_privilege(s.role, c.oid, 'insert'))
        order by 1",
    )
    .fetch_all(billing.admin())
    .await
    .unwrap();
    assert_eq!(found, WRITTEN_ONCE);
}

#[tokio::test]
async fn no_role_changes_what_is_written_once() {
    let billing = Billing::start().await;
    let customer = billing.customer(10_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask(&customer, 1_000).await.unwrap();
    settle(&billing.client, &[record(&customer, &granted, 200)]).await;
    for role in ROLES {
        let service = billing.database.pool_as(role).await;
        for table in WRITTEN_ONCE {
            let column: String = sqlx::query_scalar(
                "select attname::text from pg_attribute where attrelid = $1::text::regclass and attnum > 0
                    and attidentity = '' and attgenerated = '' order by attnum limit 1",
            )
            .bind(table)
            .fetch_one(billing.admin())
            .await
            .unwrap();
            for change in [
                format!("update {table} set {column} = {column}"),
                format!("delete from {table}"),
                format!("truncate {table}"),
            ] {
                let refused = sqlx::raw_sql(AssertSqlSafe(change.clone())).execute(&service).await;
                let refused = refused.expect_err(&format!("{role}: {change}"));
                assert!(refused.to_string().contains("permission denied"), "{role}: {change}: {refused}");
            }
        }
    }
}

#[tokio::test]
async fn not_even_the_owner_changes_the_ledger_its_seals_or_its_prices() {
    let billing = Billing::start().await;
    billing.customer(10_000).await;
    for table in ["transfer", "seal", "price_version"] {
        let guarded: i64 = sqlx::query_scalar(
            "select count(*) from pg_trigger t join pg_proc p on p.oid = t.tgfoid
            where t.tgrelid = ('billing.' || $1)::regclass and p.proname = 'refuse_change' and t.tgenabled = 'O'",
        )
        .bind(table)
        .fetch_one(billing.admin())
        .await
        .unwrap();
        assert_eq!(guarded, 2, "{table}");
    }
    let refused = sqlx::raw_sql("delete from billing.transfer").execute(billing.admin()).await.unwrap_err();
    assert!(refused.to_string().contains("immutable"), "{refused}");
}
