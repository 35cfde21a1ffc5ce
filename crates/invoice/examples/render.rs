//! Renders a document's JSON: `cargo run -p invoice --example render -- INV-2026-000001.json`.
//!
//! Writes the HTML and the PDF beside it, the same bytes that the platform serves.

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args_os().skip(1).map(PathBuf::from) {
        let document = invoice::Document::parse(&std::fs::read_to_string(&path)?)?;
        std::fs::write(path.with_extension("html"), invoice::html(&document))?;
        std::fs::write(path.with_extension("pdf"), invoice::pdf(&document)?)?;
    }
    Ok(())
}
