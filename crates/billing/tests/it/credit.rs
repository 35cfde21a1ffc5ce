//! Credit, terms, prices, and a ledger that cannot be changed.

use identity::{EndpointId, KeyId, PriceVersionId, TenantId};
use pricing::{Class, Rate};
use rpc::billing::{GetTermsRequest, GrantCreditRequest, OpenTenantRequest, PinnedPrice, PutPricesRequest};
use rpc::convert;

use crate::support::edge::Edge;
use crate::support::records::{book, record, settle};
use crate::support::{Billing, account_ids, promotion};

#[tokio::test]
async fn credit_is_granted_once_per_source() {
    let billing = Billing::start().await;
    let customer = billing.customer(0).await;
    let mut client = billing.client.clone();
    let granting = (0..50).map(|_| {
        let mut client = billing.client.clone();
        async move { client.grant_credit(promotion(customer.tenant, 500, "gift")).await }
    });
    for granted in futures::future::join_all(granting).await {
        assert_eq!(granted.unwrap().into_inner().balance, 500);
    }
    let other = client.grant_credit(promotion(customer.tenant, 600, "gift")).await.unwrap_err();
    assert_eq!(other.code(), tonic::Code::FailedPrecondition);
    let unknown = client.grant_credit(promotion(TenantId::generate(), 600, "gift")).await.unwrap_err();
    assert_eq!(unknown.code(), tonic::Code::NotFound);

    assert!(!billing.terms(customer.tenant, customer.key).await.has_paid);
    let bought =
        GrantCreditRequest { kind: "purchase".to_owned(), ..promotion(customer.tenant, 1_000, "order-1") };
    assert_eq!(client.grant_credit(bought).await.unwrap().into_inner().balance, 1_500);
    let terms = billing.terms(customer.tenant, customer.key).await;
    assert_eq!((terms.has_paid, terms.bought), (true, 1_000));
    client.grant_credit(promotion(customer.tenant, 10, "gift-2")).await.unwrap();
    let more = GrantCreditRequest { kind: "purchase".to_owned(), ..promotion(customer.tenant, 7, "order-2") };
    client.grant_credit(more.clone()).await.unwrap();
    client.grant_credit(more).await.unwrap();
    assert_eq!(billing.terms(customer.tenant, customer.key).await.bought, 1_007);
    assert_eq!(billing.credits(customer.tenant).await.total_credits, 1_517);
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_source_names_one_grant_of_a_tenant_of_whichever_kind() {
    let billing = Billing::start().await;
    let (customer, other) = (billing.customer(0).await, billing.customer(0).await);
    let gift = promotion(customer.tenant, 500, "wire-7");
    let bought = GrantCreditRequest { kind: "purchase".to_owned(), ..gift.clone() };
    let asked = [gift, bought].into_iter().cycle().take(20);
    let granting = asked.map(|request| {
        let mut client = billing.client.clone();
        async move { client.grant_credit(request).await }
    });
    let granted = futures::future::join_all(granting).await;
    let refused: Vec<_> = granted.into_iter().filter_map(Result::err).collect();
    assert_eq!(refused.len(), 10, "one of two is granted, whichever came first, and again: {refused:?}");
    for refusal in &refused {
        let fault = rpc::Fault::from_status(refusal);
        assert!(fault.status == 409 && fault.message.starts_with("source_id: it names "), "{fault:?}");
    }
    let mut client = billing.client.clone();
    client.grant_credit(promotion(other.tenant, 500, "wire-7")).await.expect("names are each tenant's own");
    let (ours, theirs) = (billing.credits(customer.tenant).await, billing.credits(other.tenant).await);
    assert_eq!((ours.total_credits, theirs.total_credits), (500, 500));
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_source_of_before_it_had_to_be_short_is_known_again() {
    let billing = Billing::start().await;
    let customer = billing.customer(0).await;
    let long = "x".repeat(201);
    // As it was granted then: nothing was asked of the source.
    sqlx::query("select billing.grant_credit($1, 500, 'promotion', $2, '')")
        .bind(customer.tenant.uuid())
        .bind(&long)
        .execute(billing.admin())
        .await
        .unwrap();
    let mut client = billing.client.clone();
    let again = client.grant_credit(promotion(customer.tenant, 500, &long)).await.unwrap();
    assert_eq!(again.into_inner().balance, 500);
    let more = client.grant_credit(promotion(customer.tenant, 600, &long)).await.unwrap_err();
    assert_eq!(more.code(), tonic::Code::FailedPrecondition, "{more}");
    let another = client.grant_credit(promotion(customer.tenant, 500, &"y".repeat(201))).await.unwrap_err();
    assert_eq!(another.code(), tonic::Code::InvalidArgument, "{another}");
}

#[tokio::test]
async fn bad_input_is_named() {
    let billing = Billing::start().await;
    let customer = billing.customer(0).await;
    let mut client = billing.client.clone();
    let good = promotion(customer.tenant, 500, "gift");
    for (bad, field) in [
        (GrantCreditRequest { amount: 0, ..good.clone() }, "amount"),
        (GrantCreditRequest { kind: "theft".to_owned(), ..good.clone() }, "kind"),
        (GrantCreditRequest { source_id: String::new(), ..good.clone() }, "source_id"),
        (GrantCreditRequest { source_id: " ".to_owned(), ..good.clone() }, "source_id"),
        (GrantCreditRequest { source_id: "x".repeat(201), ..good.clone() }, "source_id"),
        (
            GrantCreditRequest { source_id: "gi\u{7}ft".to_owned(), ..good.clone() },
            "source_id: leave out `U+0007`",
        ),
        (
            GrantCreditRequest { source_id: "gift\u{202e}".to_owned(), ..good.clone() },
            "source_id: leave out `U+202E`",
        ),
        (GrantCreditRequest { tenant_id: "x".to_owned(), ..good }, "tenant_id"),
    ] {
        let refused = client.grant_credit(bad).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
        assert!(refused.message().contains(field), "{refused}");
    }
}

#[tokio::test]
async fn a_tenants_plan_sets_its_terms() {
    let billing = Billing::start().await;
    let mut client = billing.client.clone();
    let (tenant, key) = (TenantId::generate(), KeyId::generate());
    let open = OpenTenantRequest {
        tenant_id: tenant.to_string(),
        plan: "five percent".to_owned(),
        markup_basis_points: 500,
    };
    let first = client.open_tenant(open.clone()).await.unwrap().into_inner();
    let second = client.open_tenant(open.clone()).await.unwrap().into_inner();
    assert_eq!(first, second);
    let terms = billing.terms(tenant, key).await;
    assert_eq!((terms.markup_basis_points, account_ids(&terms)), (500, vec![first.account_id]));
    let nobody = client.get_terms(GetTermsRequest::default()).await.unwrap().into_inner();
    assert_eq!((nobody.markup_basis_points, nobody.accounts.len()), (0, 0));
    let unknown = GetTermsRequest {
        tenant_id: TenantId::generate().to_string(),
        key_id: key.to_string(),
        ..GetTermsRequest::default()
    };
    assert_eq!(client.get_terms(unknown).await.unwrap_err().code(), tonic::Code::NotFound);
}

#[tokio::test]
async fn a_price_version_is_kept_as_it_was_first_put() {
    let billing = Billing::start().await;
    let mut client = billing.client.clone();
    let id = PriceVersionId::generate();
    let pinned = |book| PutPricesRequest {
        prices: vec![PinnedPrice {
            price: Some(convert::price_out(id, &book)),
            endpoint_id: EndpointId::generate().to_string(),
            provider: "openai".to_owned(),
            model: "openai/gpt-4o".to_owned(),
        }],
    };
    client.put_prices(pinned(book())).await.unwrap();
    client.put_prices(pinned(book())).await.unwrap();
    let mut other = book();
    other.base = other.base.with(Class::Output, Rate::from_picos(9));
    let refused = client.put_prices(pinned(other.clone())).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition);

    // A record that carries another price under this id is charged by what is kept.
    let customer = billing.customer(10_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask(&customer, 1_000).await.unwrap();
    let mut cheated = record(&customer, &granted, 200);
    cheated.price = Some(convert::price_out(id, &other));
    settle(&billing.client, &[cheated]).await;
    assert_eq!(billing.spent_and_held(&customer).await, (200, 0));
    billing.assert_sound().await;
}

#[tokio::test]
async fn what_is_written_cannot_be_changed() {
    let billing = Billing::start().await;
    let customer = billing.customer(10_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask(&customer, 1_000).await.unwrap();
    settle(&billing.client, &[record(&customer, &granted, 200)]).await;
    let service = billing.database.pool();
    for change in [
        "update billing.transfer set amount = 1",
        "delete from billing.transfer",
        "truncate billing.transfer",
        "update billing.usage set charge = 1",
        "delete from billing.usage",
        "update billing.settlement set execution = 7",
        "delete from billing.settlement",
        "delete from billing.attempt",
        "update billing.price_version set base = base",
        "delete from billing.lease",
        "delete from billing.balance",
    ] {
        sqlx::raw_sql(change).execute(&service).await.expect_err(change);
    }
    // The ledger and the prices are closed even to their owner.
    for change in [
        "update billing.transfer set amount = 1",
        "delete from billing.transfer",
        "truncate billing.transfer",
        "delete from billing.price_version",
        "truncate billing.price_version",
    ] {
        let refused = sqlx::raw_sql(change).execute(billing.admin()).await.expect_err(change);
        assert!(refused.to_string().contains("immutable"), "{change}: {refused}");
    }
}

#[tokio::test]
async fn reports_read_everything_and_change_nothing() {
    let billing = Billing::start().await;
    let mut customer = billing.customer(10_000).await;
    billing.limit(&mut customer, Some(5_000), "daily").await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask(&customer, 1_000).await.unwrap();
    settle(&billing.client, &[record(&customer, &granted, 200)]).await;
    let report = billing.database.pool_as("set role patchbay_report").await;
    for (view, rows) in [
        ("select count(*) from report.usage", 1),
        ("select count(*) from report.attempts", 1),
        ("select count(*) from report.ledger", 3),
        ("select count(*) from report.leases", 2),
        // Credit, the key's limit, and what own credentials may cost free of the fee.
        ("select count(*) from report.balances", 3),
    ] {
        let count: i64 = sqlx::query_scalar(view).fetch_one(&report).await.unwrap();
        assert_eq!(count, rows, "{view}");
    }
    sqlx::raw_sql("delete from report.usage").execute(&report).await.unwrap_err();
    sqlx::raw_sql("select * from billing.claim").execute(&report).await.unwrap_err();
    // Another owner's role sees nothing of it.
    let catalog = billing.database.pool_as("set role patchbay_catalog").await;
    sqlx::raw_sql("select * from billing.balance").execute(&catalog).await.unwrap_err();
}
