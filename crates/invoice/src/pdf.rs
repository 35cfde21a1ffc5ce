//! The PDF: A4, PDF/A-3b, the JSON attached.

mod canvas;
mod face;
mod flow;

use chrono::{Datelike as _, NaiveDate};
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::embed::{AssociationKind, EmbeddedFile, MimeType};
use krilla::metadata::{DateTime, Metadata};
use krilla::{Document as Pdf, SerializeSettings};

use crate::document::Document;
use crate::sheet::Sheet;
use face::Faces;

/// The document could not be set: its text or its size is beyond what a PDF holds.
#[derive(Debug, thiserror::Error)]
#[error("the document cannot be written as PDF: {0}")]
pub struct Unprintable(String);

/// The document as PDF; the same bytes every time.
///
/// # Errors
/// [`Unprintable`] when the PDF would not be valid.
pub fn pdf(document: &Document) -> Result<Vec<u8>, Unprintable> {
    let sheet = Sheet::of(document);
    let faces = Faces::load().ok_or_else(|| Unprintable("its font cannot be read".to_owned()))?;
    let pages = flow::lay_out(&sheet, &faces);
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A3_B)
        .finish()
        .map_err(|error| Unprintable(format!("{error:?}")))?;
    let mut pdf = Pdf::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    let issued = issued(&document.content.issued_on);
    pdf.set_metadata(
        Metadata::new()
            .title(format!("{} {}", sheet.title, document.content.number))
            .authors(vec![sheet.issuer.name.clone()])
            .creator("Patchbay".to_owned())
            .language(sheet.language.to_owned())
            .document_id(document.sha256.clone())
            .creation_date(issued),
    );
    for page in &pages {
        canvas::draw(&mut pdf, page, &faces);
    }
    let name = if sheet.is_draft { "draft" } else { &document.content.number };
    let attached = pdf.embed_file(EmbeddedFile {
        path: format!("{name}.json"),
        mime_type: MimeType::new("application/json"),
        description: Some("What this document is made from and what its hash is of".to_owned()),
        association_kind: AssociationKind::Source,
        data: document.json.clone().into_bytes().into(),
        modification_date: Some(issued),
        compress: None,
        location: None,
    });
    debug_assert!(attached.is_some(), "the only attachment has a name of its own");
    pdf.finish().map_err(|error| Unprintable(format!("{error:?}")))
}

/// Midnight of the day of issue, so that the same document is the same file.
fn issued(iso: &str) -> DateTime {
    let date = iso.parse::<NaiveDate>().unwrap_or_default();
    let small = |number: u32| u8::try_from(number).unwrap_or(1);
    DateTime::new(u16::try_from(date.year()).unwrap_or(1970))
        .month(small(date.month()))
        .day(small(date.day()))
        .hour(0)
        .minute(0)
        .second(0)
        .utc_offset_hour(0)
        .utc_offset_minute(0)
}

#[cfg(test)]
mod tests {
    use super::canvas::{HEIGHT, Mark, Page, WIDTH};
    use super::*;

    fn pages(name: &str) -> (Vec<Page>, Faces) {
        let path = format!("{}/tests/documents/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let document = Document::parse(std::fs::read_to_string(path).unwrap().trim_end()).unwrap();
        let faces = Faces::load().unwrap();
        (flow::lay_out(&Sheet::of(&document), &faces), faces)
    }

    fn texts(page: &Page) -> Vec<&str> {
        page.iter()
            .filter_map(|mark| match mark {
                Mark::Text { text, .. } => Some(text.as_str()),
                Mark::Area { .. } => None,
            })
            .collect()
    }

    #[test]
    fn every_page_has_the_head_of_the_table_and_says_which_it_is() {
        let (pages, _) = pages("invoice");
        assert_eq!(pages.len(), 3);
        for (place, page) in pages.iter().enumerate() {
            let texts = texts(page);
            assert!(texts.contains(&"Provider cost"), "page {place}");
            assert!(texts.contains(&format!("Page {} of 3", place + 1).as_str()), "page {place}");
            assert!(texts.iter().any(|text| text.contains("Tax ID IE1234567T")), "page {place}");
        }
        let last = texts(&pages[2]);
        for said in ["Total", "VAT 19%", "Subtotal", "Rounding to cents", "Payment", "Proof"] {
            assert!(last.contains(&said), "{said}");
        }
        let all: Vec<&str> = pages.iter().flat_map(texts).collect();
        for said in ["Müller & Søn Ελλάς Заря GmbH", "INV-2026-000042", "PO 4711", "18 December 2026"]
        {
            assert!(all.contains(&said), "{said}");
        }
    }

    #[test]
    fn nothing_stands_outside_the_margins_or_over_the_foot() {
        for name in ["invoice", "statement", "credit_note", "receipt"] {
            let (pages, faces) = pages(name);
            for mark in pages.iter().flatten() {
                let Mark::Text { x, y, size, weight, text, .. } = mark else { continue };
                let right = x + faces.width(*weight, *size, text);
                assert!(*x >= 55.9 && right <= WIDTH - 55.9, "{name}: {text:?} from {x} to {right}");
                assert!((40.0..HEIGHT - 40.0).contains(y), "{name}: {text:?} at {y}");
            }
        }
    }

    #[test]
    fn figures_of_a_column_end_at_one_edge() {
        let (pages, faces) = pages("invoice");
        let edge = |text: &str| {
            pages.iter().flatten().find_map(|mark| match mark {
                Mark::Text { x, size, weight, text: set, .. } if set == text => {
                    Some(x + faces.width(*weight, *size, text))
                }
                _ => None,
            })
        };
        let head = edge("Amount, USD").unwrap();
        for figure in ["232.629037645", "1.289281565", "390.716460023"] {
            assert!((edge(figure).unwrap() - head).abs() < 0.01, "{figure}");
        }
    }
}
