//! Periods, invoices and documents.

mod books;
mod close;
mod credit_notes;
mod documents;
mod numbers;
mod paid;
mod worked;
