//! An organisation is erased: who it was is forgotten, what was booked stays, and what was under way settles.

use identity::GroupId;
use rpc::billing::EraseTenantRequest;
use sqlx::AssertSqlSafe;

use crate::support::edge::Edge;
use crate::support::records::{record, settle};
use crate::support::{Billing, Customer};

const UNFOLDED: &str = "select waiting from billing.usage_unfolded()";

/// How much has not settled.
async fn erase(billing: &Billing, customer: &Customer) -> i64 {
    let request = EraseTenantRequest { tenant_id: customer.tenant.to_string() };
    billing.client.clone().erase_tenant(request).await.unwrap().into_inner().unsettled
}

/// Tables of the schema in which the canary is.
async fn found(billing: &Billing) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.tables
        where table_schema = 'billing' and table_type = 'BASE TABLE' order by 1",
    )
    .fetch_all(billing.admin())
    .await
    .unwrap();
    let mut found = Vec::new();
    for table in tables {
        let statement = format!(
            "select exists (select from only billing.{table} t where to_jsonb(t)::text ~* 'kanarie|6b616e61726965')"
        );
        if sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(billing.admin()).await.unwrap() {
            found.push(table);
        }
    }
    found
}

async fn plant(billing: &Billing, customer: &Customer) {
    for statement in [
        "insert into billing.billing_profile (tenant_id, name, address, country, email, updated_at)
        values ($1, 'Kanarie', '{Kanarie Street}', 'NL', 'kanarie@example.com', now())",
        "insert into billing.payer (tenant_id, customer_id, payment_method_id, card_brand, card_last4, auto_enabled)
        values ($1, 'cus_kanarie', 'pm_kanarie', 'visa', '4242', true)
        on conflict (tenant_id) do update set customer_id = excluded.customer_id,
            payment_method_id = excluded.payment_method_id, auto_enabled = true",
        "insert into billing.notice_settings (tenant_id, webhook_url, sealed_secret)
        values ($1, 'https://kanarie.example', '\\x6b616e61726965')",
    ] {
        sqlx::query(statement).bind(customer.tenant.uuid()).execute(billing.admin()).await.unwrap();
    }
}

#[tokio::test]
async fn names_go_and_money_stays_and_what_is_under_way_settles() {
    let billing = Billing::start().await;
    let customer = billing.customer(10_000).await;
    plant(&billing, &customer).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let groups = [GroupId::generate(), GroupId::generate()];
    let done = edge.ask_as(groups[0], &customer, 1_000, 1_000).await.unwrap();
    let under_way = edge.ask_as(groups[1], &customer, 1_000, 1_000).await.unwrap();
    let mut first = record(&customer, &done, 200);
    first.end_user = "kanarie".to_owned();
    first.app_title = "Kanarie".to_owned();
    settle(&billing.client, &[first]).await;
    billing.eventually(UNFOLDED, 0).await;
    assert!(found(&billing).await.contains(&"usage_by_app_daily".to_owned()), "apps are told apart");
    assert!(found(&billing).await.len() >= 4);

    assert!(erase(&billing, &customer).await > 0, "leases are open");
    assert_eq!(found(&billing).await, Vec::<String>::new());
    let mut late = record(&customer, &under_way, 300);
    late.end_user = "kanarie".to_owned();
    late.app_referer = "https://kanarie.example".to_owned();
    settle(&billing.client, &[late]).await;
    billing.eventually(UNFOLDED, 0).await;
    assert_eq!(billing.credits(customer.tenant).await.total_usage, 500, "both are charged");
    for group in groups {
        edge.give_back(group).await;
    }
    billing.eventually("select count(*) from billing.lease where state <> 'closed'", 0).await;
    assert_eq!(erase(&billing, &customer).await, 0);
    assert_eq!(found(&billing).await, Vec::<String>::new());
    assert_eq!(billing.credits(customer.tenant).await.total_usage, 500);
    let differences = "select count(*) from billing.rollup_differences('2020-01-01', '2100-01-01')";
    assert_eq!(billing.count(differences).await, 0, "sums of apps are those of usage without names");
    billing.assert_sound().await;
}

#[tokio::test]
async fn every_table_of_tenants_says_what_an_erasure_does_with_it() {
    let billing = Billing::start().await;
    let missing: Vec<String> = sqlx::query_scalar(
        "with tables as (
            select c.relname::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname = 'billing' and c.relkind in ('r', 'p') and not c.relispartition
                and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id'))
        select coalesce(t.name, p.name) from tables t full join billing.erasure_plan() p using (name)
        where t.name is null or p.name is null or p.fate not in ('kept', 'blanked') or p.because = '' order by 1",
    )
    .fetch_all(billing.admin())
    .await
    .unwrap();
    assert_eq!(missing, Vec::<String>::new());
}
