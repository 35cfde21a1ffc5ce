//! What has to hold whatever bytes come: said once, for the property tests and for the fuzz targets.

pub mod choice;
pub mod clients;
pub mod endpoints;
pub mod requests;
pub mod streams;
pub mod wholes;
