//! What the figures were measured on.

use std::fs;
use std::process::Command;

/// The machine and the state of the sources, as lines of Markdown.
pub(crate) fn describe() -> Vec<String> {
    let model = fs::read_to_string("/proc/cpuinfo")
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name.to_owned()))
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory = fs::read_to_string("/proc/meminfo")
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok())
        .unwrap_or(0);
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    vec![
        format!("{model}, {cores} cores, {} GB", memory / 1_000_000),
        format!("Linux {}", said("uname", &["-r"])),
        format!("{}, {profile} profile", said("rustc", &["--version"])),
        format!("commit {}", said("git", &["describe", "--always", "--dirty", "--abbrev=12"])),
        format!("measured {} UTC", said("date", &["-u", "+%Y-%m-%d %H:%M"])),
    ]
}

/// How many files a process here may have open.
pub(crate) fn open_files() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(usize::MAX)
}

/// The load average of the last minute.
pub(crate) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_owned()
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output =
        Command::new(program).args(arguments).output().map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&output).trim().to_owned();
    if text.is_empty() { format!("{program}: unknown") } else { text }
}
