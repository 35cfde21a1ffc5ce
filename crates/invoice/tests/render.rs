//! Documents as they come out of the database, rendered.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use invoice::Document;

const NAMES: [&str; 4] = ["invoice", "statement", "credit_note", "receipt"];

fn document(name: &str) -> Document {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/documents/{name}.json"));
    Document::parse(fs::read_to_string(path).unwrap().trim_end()).unwrap()
}

#[test]
fn the_same_document_is_the_same_file() {
    for name in NAMES {
        assert_eq!(invoice::pdf(&document(name)).unwrap(), invoice::pdf(&document(name)).unwrap(), "{name}");
        assert_eq!(invoice::html(&document(name)), invoice::html(&document(name)), "{name}");
    }
}

#[test]
fn pages_of_html_are_what_they_were() {
    for name in NAMES {
        insta::assert_snapshot!(name, invoice::html(&document(name)));
    }
}

#[test]
fn a_pdf_is_made_to_last_and_carries_its_source() {
    let pdf = invoice::pdf(&document("invoice")).unwrap();
    let holds = |text: &str| pdf.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(pdf.starts_with(b"%PDF-1.7"));
    assert!(holds("<pdfaid:part>3</pdfaid:part>") && holds("<pdfaid:conformance>B</pdfaid:conformance>"));
    assert!(holds("INV-2026-000042.json"));
    assert!(holds("/Subtype/CIDFontType2") || holds("/Subtype /CIDFontType2"));
}

#[test]
fn text_of_any_script_and_length_is_set() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents/invoice.json");
    let json = fs::read_to_string(path).unwrap();
    for name in ["株式会社 例", "a", "<script>alert(1)</script>", "שלום", "😀 e\u{301}", &"Wort".repeat(200)]
    {
        let said = json.replace("Müller & Søn Ελλάς Заря GmbH", name);
        let document = Document::parse(&said).unwrap();
        assert!(!invoice::pdf(&document).unwrap().is_empty(), "{name}");
        assert!(!invoice::html(&document).contains("<script>"));
    }
}

#[test]
fn what_is_no_document_is_refused() {
    for json in ["", "{}", "[]", r#"{"kind":"letter"}"#] {
        assert!(Document::parse(json).is_err(), "{json}");
    }
}
