//! Issued documents (invoices, statements, credit notes, receipts) as people read them.
//!
//! Everything is made from the stored canonical JSON and nothing else, so that whoever has the JSON can make the
//! same HTML and the same PDF, byte for byte, and check the hash that both of them print.
//!
//! - [`Document`]: the JSON, parsed, with its hash.
//! - `sheet`: what is said where, in words and figures, the same for both renderings.
//! - [`html()`] and [`pdf()`]: how it looks. The PDF is PDF/A-3b and carries the JSON as an attachment.

mod document;
mod html;
mod pdf;
mod sheet;

pub use document::{Document, Malformed};
pub use html::html;
pub use pdf::{Unprintable, pdf};
