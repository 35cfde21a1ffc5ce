//! All SQL of billing, one file per aggregate. Changes of money are single statements that call one function
//! each, so that no dropped future can leave one half done.

pub(crate) mod accounts;
pub(crate) mod analytics;
pub(crate) mod bills;
pub(crate) mod budgets;
pub(crate) mod invariants;
pub(crate) mod invoices;
pub(crate) mod leases;
pub(crate) mod ledger;
pub(crate) mod notices;
pub(crate) mod parked;
pub(crate) mod payments;
pub(crate) mod plans;
pub(crate) mod prices;
pub(crate) mod recalls;
pub(crate) mod reports;
pub(crate) mod retention;
pub(crate) mod settled;
pub(crate) mod settlement;
pub(crate) mod usage;
pub(crate) mod usage_export;
pub(crate) mod workers;
