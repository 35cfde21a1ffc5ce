//! CPU time and memory of processes with all their descendants, from `/proc`.

use std::collections::HashMap;
use std::fs;
use std::process::Command;

use anyhow::Context as _;

/// Reads process trees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter {
    ticks_per_second: u64,
    page_bytes: u64,
}

/// What `/proc/<pid>/stat` says.
#[derive(Debug, Clone, Copy)]
struct Stat {
    parent: u32,
    /// Ticks of the process.
    own: u64,
    /// The same with its children that have ended.
    ticks: u64,
}

impl Meter {
    /// # Errors
    /// When the system does not say its units.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self { ticks_per_second: getconf("CLK_TCK")?, page_bytes: getconf("PAGESIZE")? })
    }

    /// CPU time of the trees in microseconds. A child that has ended counts through its parent.
    pub(crate) fn cpu_micros(self, roots: &[u32]) -> u64 {
        let stats = all();
        let ticks: u64 =
            tree(&stats, roots).iter().filter_map(|pid| stats.get(pid)).map(|stat| stat.ticks).sum();
        ticks * 1_000_000 / self.ticks_per_second
    }

    /// CPU time of one process in microseconds, without its children.
    pub(crate) fn cpu_of(self, pid: u32) -> u64 {
        let line = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        read(&line).map_or(0, |stat| stat.own) * 1_000_000 / self.ticks_per_second
    }

    /// Memory of the trees in bytes; shared pages count once where the system says so.
    pub(crate) fn memory_bytes(self, roots: &[u32]) -> u64 {
        tree(&all(), roots)
            .into_iter()
            .map(|pid| proportional(pid).unwrap_or_else(|| self.resident(pid)))
            .sum()
    }

    fn resident(self, pid: u32) -> u64 {
        let statm = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
        let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
        pages.unwrap_or(0) * self.page_bytes
    }
}

fn proportional(pid: u32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

fn getconf(name: &str) -> anyhow::Result<u64> {
    let output = Command::new("getconf").arg(name).output().context("getconf is missing")?;
    String::from_utf8_lossy(&output.stdout).trim().parse().with_context(|| format!("getconf {name}"))
}

fn all() -> HashMap<u32, Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return HashMap::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(|pid| Some((pid, read(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?)))
        .collect()
}

/// Reads a line of `stat`. The name of the program may hold anything, also spaces and brackets.
fn read(line: &str) -> Option<Stat> {
    let fields: Vec<&str> = line[line.rfind(')')? + 2..].split(' ').collect();
    let number = |at: usize| fields.get(at)?.trim().parse::<u64>().ok();
    // From the state on: 1 is the parent, 11 to 14 are utime, stime, cutime, cstime.
    let own = number(11)? + number(12)?;
    let ticks = own + number(13)? + number(14)?;
    Some(Stat { parent: u32::try_from(number(1)?).ok()?, own, ticks })
}

fn tree(stats: &HashMap<u32, Stat>, roots: &[u32]) -> Vec<u32> {
    let mut found: Vec<u32> = roots.to_vec();
    let mut at = 0;
    while at < found.len() {
        let parent = found[at];
        let children: Vec<u32> = stats
            .iter()
            .filter(|(pid, stat)| stat.parent == parent && !found.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        found.extend(children);
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_lines_are_read_whatever_the_name() {
        let stat = read("7 (a) b (c) S 3 7 7 0 -1 4194560 1 2 0 0 10 20 30 40 20 0 1 0 5 6 7").unwrap();
        assert_eq!((stat.parent, stat.own, stat.ticks), (3, 30, 100));
    }

    #[test]
    fn this_process_has_memory() {
        let meter = Meter::new().unwrap();
        assert!(meter.memory_bytes(&[std::process::id()]) > 100_000);
        let stats = all();
        let me = std::process::id();
        assert!(tree(&stats, &[stats[&me].parent]).contains(&me));
    }
}
