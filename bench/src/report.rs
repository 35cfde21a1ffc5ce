//! The report: one table of medians, what they were measured on, and how.

use std::fmt::Write as _;

use crate::Options;
use crate::measure::{BOUNDS, Results, save};
use crate::sample::{Sample, median};
use crate::scenario::Id;
use crate::target::Kind;

/// Who is so many milliseconds late at the modest rates of S2 does not keep up.
const OVERLOADED: f64 = 1000.0;

/// One line of the table.
struct Figure {
    id: Id,
    name: &'static str,
    /// The value of a round; the second sample is the direct one of the same round.
    value: fn(&Sample, &Sample) -> Option<f64>,
    decimals: usize,
    /// Whether it says something of direct calls.
    direct: bool,
}

#[allow(clippy::cast_precision_loss, reason = "microseconds and counts stay far below 2^53")]
const fn float(value: u64) -> f64 {
    value as f64
}

fn per(total: u64, count: u64) -> Option<f64> {
    (count > 0).then(|| float(total) / float(count))
}

fn added(value: Option<u64>, direct: Option<u64>) -> Option<f64> {
    Some((float(value?) - float(direct?)) / 1000.0)
}

fn millis(value: Option<u64>) -> Option<f64> {
    value.map(|micros| float(micros) / 1000.0)
}

fn rate(sample: &Sample) -> Option<f64> {
    (sample.seconds > 0.0 && sample.good > 0).then(|| float(sample.good) / sample.seconds)
}

fn memory(sample: &Sample) -> Option<f64> {
    per(sample.memory_during.saturating_sub(sample.memory_before) / 1024, sample.streams)
}

/// The share of two chunks a second and stream.
fn due(sample: &Sample) -> Option<f64> {
    let due = 2.0 * float(sample.streams) * sample.seconds;
    (due > 0.0).then(|| 100.0 * float(sample.chunks) / due)
}

const fn figure(
    id: Id,
    name: &'static str,
    decimals: usize,
    direct: bool,
    value: fn(&Sample, &Sample) -> Option<f64>,
) -> Figure {
    Figure { id, name, value, decimals, direct }
}

fn figures() -> Vec<Figure> {
    vec![
        figure(Id::S1, "S1 CPU µs/request, own processes", 1, true, |s, _| per(s.cpu_own, s.good)),
        figure(Id::S1, "S1 CPU µs/request, with databases and buses", 1, false, |s, _| {
            per(s.cpu_all, s.good)
        }),
        figure(Id::S1, "S1 requests/s", 0, true, |s, _| rate(s)),
        figure(Id::S1, "S1 all usage settled after, s", 2, false, |s, _| s.settled_after),
        figure(Id::S2, "S2 added p50, ms", 2, false, |s, d| added(s.p50, d.p50)),
        figure(Id::S2, "S2 added p99, ms", 2, false, |s, d| added(s.p99, d.p99)),
        figure(Id::S2, "S2 p50 from the due time, ms", 2, true, |s, _| millis(s.p50)),
        figure(Id::S2s, "S2s added time to first token p50, ms", 2, false, |s, d| {
            added(s.first_p50, d.first_p50)
        }),
        figure(Id::S2s, "S2s added time to first token p99, ms", 2, false, |s, d| {
            added(s.first_p99, d.first_p99)
        }),
        figure(Id::S3, "S3 CPU µs/chunk, own processes", 2, true, |s, _| per(s.cpu_own, s.chunks)),
        figure(Id::S3, "S3 CPU µs/chunk, with databases and buses", 2, false, |s, _| {
            per(s.cpu_all, s.chunks)
        }),
        figure(Id::S4, "S4 CPU µs/chunk, own processes", 2, true, |s, _| per(s.cpu_own, s.chunks)),
        figure(Id::S4, "S4 chunks/s", 0, true, |s, _| (s.seconds > 0.0).then(|| float(s.chunks) / s.seconds)),
        figure(Id::S4, "S4 memory per open stream, KB", 0, true, |s, _| memory(s)),
        figure(Id::S4, "S4 longest pause within a stream, ms", 0, true, |s, _| millis(s.longest_pause)),
        figure(Id::Crowd, "crowd: chunks that came of those due, %", 1, true, |s, _| due(s)),
        figure(Id::Crowd, "crowd: CPU µs/chunk, own processes", 2, true, |s, _| per(s.cpu_own, s.chunks)),
        figure(Id::Crowd, "crowd: longest pause within a stream, ms", 0, true, |s, _| {
            millis(s.longest_pause)
        }),
        figure(Id::Crowd, "crowd: memory per open stream, KB", 0, true, |s, _| memory(s)),
        figure(Id::S5, "S5 CPU µs/request, own processes", 1, true, |s, _| per(s.cpu_own, s.good)),
        figure(Id::S5, "S5 requests/s", 0, true, |s, _| rate(s)),
    ]
}

/// Writes the report and the samples beside it, and shows the report.
///
/// # Errors
/// When the file system refuses.
pub(crate) fn write(results: &Results, options: &Options) -> anyhow::Result<()> {
    let text = render(results, options)?;
    save(&options.out, &text)?;
    save(&options.out.with_extension("json"), &serde_json::to_string_pretty(results)?)?;
    eprintln!("\n{text}\nwritten to {}", options.out.display());
    Ok(())
}

fn render(results: &Results, options: &Options) -> anyhow::Result<String> {
    let kinds: Vec<Kind> = results.versions.keys().copied().collect();
    let mut text = String::from("# Measured\n\n");
    header(&mut text, &kinds)?;
    for figure in figures() {
        line(&mut text, results, &kinds, &figure)?;
    }
    for bound in BOUNDS {
        curve(&mut text, results, &kinds, bound)?;
    }
    write!(text, "| idle memory of its own processes, MB |")?;
    for kind in &kinds {
        write!(
            text,
            " {} |",
            results.idle.get(kind).map_or_else(|| "-".to_owned(), |bytes| (bytes >> 20).to_string())
        )?;
    }
    writeln!(text, "\n")?;
    notes(&mut text, results)?;
    method(&mut text, results, options)?;
    Ok(text)
}

fn header(text: &mut String, kinds: &[Kind]) -> anyhow::Result<()> {
    write!(text, "| figure |")?;
    for kind in kinds {
        write!(text, " {} |", kind.title())?;
    }
    writeln!(text, "\n|---|{}", "--:|".repeat(kinds.len()))?;
    Ok(())
}

/// A line of medians over the rounds, unless nothing was measured.
fn line(text: &mut String, results: &Results, kinds: &[Kind], figure: &Figure) -> anyhow::Result<()> {
    let Some(direct) = results.samples.get(&(figure.id, Kind::Direct)) else { return Ok(()) };
    write!(text, "| {} |", figure.name)?;
    for kind in kinds {
        let samples = results.samples.get(&(figure.id, *kind)).map(Vec::as_slice).unwrap_or_default();
        let values = samples.iter().zip(direct).filter(|(sample, _)| !sample.is_spoiled());
        let values: Vec<f64> = values.filter_map(|(sample, direct)| (figure.value)(sample, direct)).collect();
        let cell = match median(values) {
            _ if *kind == Kind::Direct && !figure.direct => "-".to_owned(),
            // It falls ever further behind: the figure would be the length of the load.
            Some(value) if matches!(figure.id, Id::S2 | Id::S2s) && value > OVERLOADED => {
                "overloaded".to_owned()
            }
            Some(value) => format!("{value:.*}", figure.decimals),
            None if samples.iter().any(Sample::is_spoiled) => "failed".to_owned(),
            None => "-".to_owned(),
        };
        write!(text, " {cell} |")?;
    }
    writeln!(text)?;
    Ok(())
}

fn curve(text: &mut String, results: &Results, kinds: &[Kind], bound: u64) -> anyhow::Result<()> {
    if !results.samples.contains_key(&(Id::Curve, Kind::Direct)) {
        return Ok(());
    }
    write!(text, "| requests/s within p99 of {bound} ms |")?;
    for kind in kinds {
        let rate = results
            .samples
            .get(&(Id::Curve, *kind))
            .and_then(|samples| samples.first())
            .and_then(|sample| sample.curve.iter().find(|(known, _)| *known == bound))
            .map_or(0, |(_, rate)| *rate);
        write!(text, " {} |", if rate == 0 { "none".to_owned() } else { rate.to_string() })?;
    }
    writeln!(text)?;
    Ok(())
}

fn notes(text: &mut String, results: &Results) -> anyhow::Result<()> {
    for note in &results.notes {
        writeln!(text, "- {note}")?;
    }
    for ((id, kind), samples) in &results.samples {
        for (round, sample) in samples.iter().enumerate() {
            if let Some(complaint) = &sample.complaint {
                let (title, round, failed) = (kind.title(), round + 1, sample.failed);
                writeln!(text, "- {id:?} on {title}, round {round}: {failed} failed; first: {complaint}")?;
            }
        }
    }
    writeln!(text)?;
    Ok(())
}

fn method(text: &mut String, results: &Results, options: &Options) -> anyhow::Result<()> {
    writeln!(text, "## Versions and machine\n")?;
    for (kind, version) in &results.versions {
        writeln!(text, "- {}: {version}", kind.title())?;
    }
    for line in &results.machine {
        writeln!(text, "- {line}")?;
    }
    writeln!(text, "- load average {} before, {} after\n", results.load_before, results.load_after)?;
    writeln!(
        text,
        "## Method\n\n{} rounds of {} s per load; medians over the rounds; the order of the targets rotates. \
         Everything shares one machine over loopback: upstream, load generator, target, its databases and buses. CPU is \
         the process trees' own accounting, divided by requests or chunks. Latency counts from when a request was due; \
         what is added is the difference of the quantiles to direct calls in the same round. Every text, every \
         chunk's place and every usage is checked; a load of which more than 1 % went wrong says `failed`. Patchbay runs \
         with everything on: keys, limits, credit, routing, durable metering, ledger. S4 holds {} streams. The samples are in \
         the JSON file beside this one; `bench/README.md` says how to repeat the run.",
        options.rounds, options.seconds, options.streams
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn a_report_has_a_line_per_figure_and_says_what_failed() {
        let options = Line::parse_from(["bench"]).options;
        let mut results = Results::default();
        results.versions.insert(Kind::Direct, "1".to_owned());
        results.versions.insert(Kind::Nginx, "2".to_owned());
        results.notes.push("Patchbay, cluster was not measured: no".to_owned());
        let sample =
            |p50| Sample { good: 100, cpu_own: 2500, p50: Some(p50), seconds: 1.0, ..Sample::default() };
        for id in [Id::S1, Id::S2] {
            results.samples.insert((id, Kind::Direct), vec![sample(50_000)]);
        }
        results.samples.insert((Id::S2, Kind::Nginx), vec![sample(50_100)]);
        let spoiled = Sample { failed: 5, complaint: Some("broken".to_owned()), ..sample(1) };
        results.samples.insert((Id::S1, Kind::Nginx), vec![spoiled]);
        let text = render(&results, &options).unwrap();
        assert!(text.contains("| S1 CPU µs/request, own processes | 25.0 | failed |"), "{text}");
        assert!(text.contains("| S2 added p50, ms | - | 0.10 |"), "{text}");
        assert!(text.contains("first: broken") && text.contains("was not measured"), "{text}");
        assert!(!text.contains("S5"));
    }
}
