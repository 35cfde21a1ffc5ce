//! All SQL of billing, one file per aggregate. Changes of money are single statements that call one function
//! each, so that no dropped future can leave one half done.

pub(crate) mod accounts;
pub(crate) mod bills;
pub(crate) mod invariants;
pub(crate) mod leases;
pub(crate) mod ledger;
pub(crate) mod parked;
pub(crate) mod prices;
pub(crate) mod settlement;
pub(crate) mod usage;
