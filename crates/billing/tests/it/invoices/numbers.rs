//! Numbers without gaps, one chain, and nothing that could be changed.

use std::sync::Arc;

use super::books::Books;
use crate::support::issuer;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn numbers_have_no_gaps_when_many_issue_at_once_and_some_crash() {
    let books = Arc::new(Books::open().await);
    for _ in 0..24 {
        let customer = books.billing.customer(1_000).await;
        books.spend(&customer, 7).await;
    }
    books.close().await;
    let invoices: Vec<uuid::Uuid> = sqlx::query_scalar("select invoice_id from billing.invoice")
        .fetch_all(books.billing.admin())
        .await
        .unwrap();
    let issuing = invoices.iter().enumerate().map(|(n, invoice)| {
        let (books, invoice) = (Arc::clone(&books), *invoice);
        tokio::spawn(async move {
            if n % 3 == 0 {
                // A replica that issues, and is gone before it commits.
                let mut tx = books.pool.begin().await.unwrap();
                sqlx::query("select billing.finalise_invoice($1, $2, 14, true)")
                    .bind(invoice)
                    .bind(serde_json::to_value(issuer()).unwrap())
                    .execute(&mut *tx)
                    .await
                    .unwrap();
                drop(tx);
            }
            // Two at once.
            let (one, two) = tokio::join!(books.finalise(invoice), books.finalise(invoice));
            assert_eq!(one.unwrap().number, two.unwrap().number);
        })
    });
    for issued in futures::future::join_all(issuing).await {
        issued.unwrap();
    }
    let numbers: Vec<String> = sqlx::query_scalar("select number from billing.document order by sequence")
        .fetch_all(books.billing.admin())
        .await
        .unwrap();
    assert_eq!(numbers.len(), 24);
    for (place, number) in numbers.iter().enumerate() {
        assert!(number.ends_with(&format!("-{:06}", place + 1)), "{number}");
    }
    books.assert_sound().await;
}

#[tokio::test]
async fn what_is_issued_cannot_be_changed_by_anyone() {
    let books = Books::open().await;
    let customer = books.billing.customer(1_000).await;
    books.spend(&customer, 7).await;
    let invoice = books.issue(&customer).await;
    books.credit(invoice.id, 3, "one").await.unwrap();
    let changes = [
        "update billing.document set document = '{}'",
        "update billing.document set sha256 = ''",
        "delete from billing.document",
        "truncate billing.document",
        "update billing.credit_note set amount = 1",
        "delete from billing.credit_note",
        "update billing.invoice set charges = charges + 1",
        "update billing.invoice set number = 'INV-0'",
        "update billing.invoice set state = 'draft'",
        "update billing.invoice set state = 'draft', number = null",
        "delete from billing.invoice",
        "truncate billing.invoice cascade",
        "update billing.invoice_line set amount = amount + 1, markup = markup + 1",
        "delete from billing.invoice_line",
        "insert into billing.invoice_line (invoice_id, n, kind, requests, provider_cost, markup, waived, amount)
            select invoice_id, 99, 'usage', 1, 1, 0, 0, 1 from billing.invoice",
        "delete from billing.invoice_movement",
        "insert into billing.invoice_movement select invoice_id, 'gift', 1, 1 from billing.invoice",
    ];
    for change in changes {
        sqlx::raw_sql(change).execute(&books.pool).await.expect_err(change);
        let refused = sqlx::raw_sql(change).execute(books.billing.admin()).await.expect_err(change);
        let said = refused.to_string();
        assert!(said.contains("immutable") || said.contains("never deleted"), "{change}: {said}");
    }
    assert_eq!(books.document_of(invoice.id).await, invoice.document);
    books.assert_sound().await;
}

#[tokio::test]
async fn documents_that_were_tampered_with_are_named() {
    let books = Books::open().await;
    let customer = books.billing.customer(1_000).await;
    for nanos in [7, 8, 9] {
        books.spend(&customer, nanos).await;
        books.issue(&customer).await;
    }
    books.assert_sound().await;
    for (tampering, says) in [
        (
            "update billing.document set document = replace(document, 'USD', 'EUR') where position = 2",
            "its hash is not",
        ),
        ("delete from billing.document where position = 2", "the number before it is missing"),
        (
            "update billing.invoice set charges = 8, covered = 8 where closing = 993",
            "its period's transfers say",
        ),
        (
            "update billing.invoice_line set amount = 8, provider_cost = 8 where amount = 7",
            "its lines come to",
        ),
        ("update billing.series set last = 7", "7 numbers were given"),
        ("update billing.issuer set position = 7", "its chain ends at 7"),
    ] {
        // Past every trigger, as only somebody with the server's own keys could.
        let mut tx = books.billing.admin().begin().await.unwrap();
        sqlx::raw_sql("set local session_replication_role = replica").execute(&mut *tx).await.unwrap();
        sqlx::raw_sql(tampering).execute(&mut *tx).await.unwrap();
        let found: Vec<String> =
            sqlx::query_scalar("select detail from billing.invariant_9('epoch', billing.clock())")
                .fetch_all(&mut *tx)
                .await
                .unwrap();
        assert!(found.iter().any(|detail| detail.contains(says)), "{tampering}: {found:?}");
        tx.rollback().await.unwrap();
    }
    books.assert_sound().await;
}
