//! Corrections: their limits, their tax, their transfers.

use tonic::Code;

use super::books::Books;

const CENT: i64 = 10_000_000;

#[tokio::test]
async fn credit_notes_never_come_to_more_than_their_invoice() {
    let books = Books::open().await;
    let customer = books.billing.customer(10_000).await;
    books.spend(&customer, 1_000).await;
    let draft = books.invoice_of(&customer, books.close().await).await;
    assert_eq!(books.credit(draft, 1, "early").await.unwrap_err().code(), Code::FailedPrecondition);
    let invoice = books.finalise(draft).await.unwrap();

    assert_eq!(books.credit(invoice.id, 1_001, "all").await.unwrap_err().code(), Code::FailedPrecondition);
    let crediting = (0..10).map(|n| {
        let books = &books;
        async move { books.credit(invoice.id, 300, &format!("try-{n}")).await }
    });
    let granted = futures::future::join_all(crediting).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(granted, 3);
    let note = books.credit(invoice.id, 60, "rest").await.unwrap();
    assert_eq!(books.credit(invoice.id, 60, "rest").await.unwrap(), note);
    assert_eq!(books.credit(invoice.id, 61, "rest").await.unwrap_err().code(), Code::FailedPrecondition);
    assert_eq!(books.billing.count("select count(*) from billing.invoice where state = 'void'").await, 0);
    books.credit(invoice.id, 40, "last").await.unwrap();
    assert_eq!(books.billing.count("select count(*) from billing.invoice where state = 'void'").await, 1);

    let credits = books.billing.credits(customer.tenant).await;
    assert_eq!(credits.total_credits - credits.total_usage, 10_000);
    assert_eq!(books.document_of(invoice.id).await, invoice.document);
    books.assert_sound().await;
    // The next statement has them as what they are.
    let next = books.issue(&customer).await;
    let moved = &next.document["account"]["movements"];
    assert_eq!(moved[0]["kind"], "credit_note");
    assert_eq!(moved[0]["amount"], "0.000001000");
    books.assert_sound().await;
}

#[tokio::test]
async fn parts_of_an_invoice_have_no_more_tax_than_the_whole() {
    let books = Books::open().await;
    let customer = books.postpaid(100 * CENT).await;
    books.tax(&customer, "standard", 1_900).await;
    books.spend(&customer, 33 * CENT).await;
    let invoice = books.issue(&customer).await;
    assert_eq!((invoice.total("net"), invoice.total("tax")), ("0.33".to_owned(), "0.06".to_owned()));
    let odd = books.credit(invoice.id, CENT / 2, "half a cent").await.unwrap_err();
    assert!(odd.message().contains("whole cents"), "{odd}");
    for n in 0..39 {
        books.credit(invoice.id, CENT, &format!("cent-{n}")).await.unwrap();
    }
    assert!(books.credit(invoice.id, CENT, "one more").await.is_err());
    let tax = books.billing.count("select sum(tax)::bigint from billing.credit_note").await;
    assert_eq!(tax, 6 * CENT);
    let payable = "select sum(case when credit_account = billing.platform_account('tax_payable') then amount
        else -amount end)::bigint from billing.transfer
        where billing.platform_account('tax_payable') in (debit_account, credit_account)";
    assert_eq!(books.billing.count(payable).await, 0);
    books.assert_sound().await;
}
