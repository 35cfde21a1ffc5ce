//! Damaged bodies to everything that takes one: refused or taken, never a fault of ours.

use anyhow::ensure;

use super::Site;
use super::damage::damaged;
use super::operations::{Call, Operation, faults};
use crate::drills::chance::Chance;
use crate::drills::is_long;

pub(super) async fn bodies_are_refused(site: &Site) -> anyhow::Result<()> {
    let mut operations = Operation::all(site).await?;
    operations.retain(|one| matches!(one.method.as_str(), "POST" | "PUT" | "PATCH"));
    let rounds = if is_long() { 10_000_usize.div_ceil(operations.len()) } else { 3 };
    let mut chance = Chance::of_suite();
    let mut calls = Vec::new();
    for (n, operation) in operations.iter().enumerate() {
        for _ in 0..rounds {
            let body = damaged(operation.body(site, &mut chance), &mut chance);
            calls.push(Call { operation: n, path: operation.path(site, None), body });
        }
    }
    let sent = calls.len();
    let wrong = faults(site, &operations, calls).await;
    eprintln!("{sent} damaged bodies to {} operations, {} wrong answers", operations.len(), wrong.len());
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    site.serves().await
}
