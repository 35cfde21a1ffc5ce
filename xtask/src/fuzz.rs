//! Fuzzing of what reads from outside: the targets in `fuzz/`, which are no members of the workspace.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::shell::{cargo, command, root, run};

/// The tool's version; it is built once and stays in `target/tools/`.
const TOOL: &str = "0.13.2";

/// How long a target runs unless somebody says otherwise.
pub(crate) const SECONDS: u32 = 30;

/// How long it runs in the suite, where the damage is the same every time: more of it finds little more.
const SECONDS_IN_SUITE: u32 = 10;

/// Targets that run at the same time.
const AT_ONCE: usize = 2;

/// What one input may have in bytes, may take in seconds, and all of a target in megabytes.
const LIMITS: [&str; 3] = ["-max_len=8192", "-timeout=10", "-rss_limit_mb=1024"];

/// The seed of the suite: it tries the same damage on every run, so that what it breaks is what a change broke.
const SEED: u32 = 1;

/// What the suite runs: every target, with damage that is always the same.
pub(crate) fn run_in_suite() -> anyhow::Result<()> {
    run_all(SECONDS_IN_SUITE, "", Some(SEED))
}

/// Runs every target for so many seconds, those whose name contains `filter`; damage is random without a seed.
pub(crate) fn run_all(seconds: u32, filter: &str, seed: Option<u32>) -> anyhow::Result<()> {
    install()?;
    run(tool(&["build"]))?;
    let names: Vec<String> = names()?.into_iter().filter(|name| name.contains(filter)).collect();
    if names.is_empty() {
        bail!("no target in fuzz/targets/ contains `{filter}`");
    }
    let mut crashed = Vec::new();
    let mut waiting = names.iter();
    let mut running: Vec<(&String, Child)> = Vec::new();
    loop {
        while running.len() < AT_ONCE {
            let Some(name) = waiting.next() else { break };
            running.push((name, start(name, seconds, seed)?));
        }
        if running.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        let mut still = Vec::new();
        for (name, mut child) in running {
            match child.try_wait()? {
                None => still.push((name, child)),
                Some(status) if status.success() => println!("{name}: {}", last_line(name)),
                Some(_) => {
                    report(name);
                    crashed.push(name.as_str());
                }
            }
        }
        running = still;
    }
    if crashed.is_empty() { Ok(()) } else { bail!("fuzzing broke {}", crashed.join(", ")) }
}

fn install() -> anyhow::Result<()> {
    let has_it = Command::new(folder("tools/bin/cargo-fuzz")).arg("--version").output();
    if has_it.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(TOOL)) {
        return Ok(());
    }
    let tools = folder("tools").display().to_string();
    run(cargo(&[
        "install",
        "cargo-fuzz",
        "--version",
        TOOL,
        "--locked",
        "--debug",
        "--quiet",
        "--root",
        &tools,
    ]))
}

/// The tool itself. Without a sanitizer it needs no nightly compiler; checked arithmetic and bounds are on.
fn tool(arguments: &[&str]) -> Command {
    let target = folder("fuzz").display().to_string();
    let mut tool = command(folder("tools/bin/cargo-fuzz"), arguments);
    tool.args(["--fuzz-dir", "fuzz", "--target-dir", &target, "--sanitizer", "none", "--dev"]);
    tool
}

fn folder(name: &str) -> PathBuf {
    root().join("target").join(name)
}

fn names() -> anyhow::Result<Vec<String>> {
    let mut names: Vec<String> = fs::read_dir(root().join("fuzz/targets"))?
        .flatten()
        .filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// Starts a target on the committed seeds, which stay as they are. Random damage goes on from what earlier runs
/// found; damage that is to be the same does not.
fn start(name: &str, seconds: u32, seed: Option<u32>) -> anyhow::Result<Child> {
    let corpus = folder(if seed.is_some() { "fuzz/suite" } else { "fuzz/corpus" }).join(name);
    let artifacts = folder("fuzz/artifacts").join(name);
    if seed.is_some() && corpus.exists() {
        fs::remove_dir_all(&corpus)?;
    }
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&artifacts)?;
    let log = File::create(log(name))?;
    let mut target = command(binary(name)?, &LIMITS);
    target
        .args(seed.map(|seed| format!("-seed={seed}")))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .args([corpus, root().join("fuzz/seeds").join(name)])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    target.spawn().with_context(|| format!("{name} cannot be started"))
}

/// Where the tool puts a target: below a folder that is named after the machine.
fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let built = fs::read_dir(folder("fuzz"))?.flatten().map(|entry| entry.path().join("debug").join(name));
    built.into_iter().find(|path| path.is_file()).with_context(|| format!("{name} was not built"))
}

fn log(name: &str) -> PathBuf {
    folder("fuzz").join(format!("{name}.log"))
}

fn last_line(name: &str) -> String {
    let log = fs::read(log(name)).unwrap_or_default();
    String::from_utf8_lossy(&log).lines().last().unwrap_or_default().to_owned()
}

/// Says what broke and how to see it again.
fn report(name: &str) {
    let log = fs::read(log(name)).unwrap_or_default();
    let text = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    println!("\n{name} broke:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
    let input = text.lines().find_map(|line| line.split("Test unit written to ").nth(1));
    if let Some(input) = input {
        let program = binary(name).unwrap_or_default();
        let program = program.strip_prefix(root()).map(Path::to_path_buf).unwrap_or(program);
        println!("\nTo see it again: {} {input}", program.display());
        println!("Once it is repaired, keep the input: cp {input} fuzz/seeds/{name}/");
    }
}
