//! Money: leases, settlement, ledger, invariants.
