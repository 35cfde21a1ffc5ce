//! Health as Redis holds it.

use crate::health::{Cell, Key, Pace, Sketch, Span, Told};
use uuid::Uuid;

/// One hash tag, so that the keys share a slot of a cluster. The form of the values has a number of its own, so
/// that versions that differ in it pass each other by.
const PREFIX: &str = "{patchbay:health}:2";

pub(super) fn bucket_key(span: Span, bucket: u64) -> String {
    let name = match span {
        Span::Tens => "10s",
        Span::Minutes => "1m",
        Span::TenMinutes => "10m",
        Span::Quarters => "15m",
    };
    format!("{PREFIX}:{name}:{bucket}")
}

pub(super) fn ejected_key() -> String {
    format!("{PREFIX}:ejected")
}

pub(super) fn field(key: Key) -> String {
    format!("{}:{}", key.endpoint.simple(), key.credential.simple())
}

pub(super) fn read_field(field: &str) -> Option<Key> {
    let (endpoint, credential) = field.split_once(':')?;
    Some(Key { endpoint: Uuid::parse_str(endpoint).ok()?, credential: Uuid::parse_str(credential).ok()? })
}

/// A cell; then, where it is known, the pace by comma behind a semicolon. Whoever knows of no pace reads the cell alone.
pub(super) fn view(view: &Told) -> String {
    let cell = cell(&view.cell);
    if view.pace.is_unknown() {
        return cell;
    }
    let Pace { latency_p50, latency_p90, throughput_p50 } = view.pace;
    let figures = [latency_p50, latency_p90, throughput_p50];
    let figures = figures.map(|figure| figure.map_or_else(String::new, |figure| figure.to_string()));
    format!("{cell};{}", figures.join(","))
}

pub(super) fn read_view(text: &str) -> Option<Told> {
    Some(Told { cell: read_cell(text)?, pace: read_pace(text.split(';').nth(3).unwrap_or_default()) })
}

/// What cannot be read is unknown.
fn read_pace(text: &str) -> Pace {
    let mut figures = text
        .split(',')
        .map(|figure| figure.parse::<f32>().ok().filter(|figure| figure.is_finite() && *figure >= 0.0));
    let mut next = || figures.next().flatten();
    Pace { latency_p50: next(), latency_p90: next(), throughput_p50: next() }
}

/// Numbers by comma; then each sketch as `index:count` by comma, behind a semicolon.
fn cell(cell: &Cell) -> String {
    let numbers = [
        cell.successes,
        cell.faults,
        cell.rate_limits,
        cell.first_token_ms,
        cell.output_tokens,
        cell.generation_ms,
        cell.tool_answers,
        cell.tool_errors,
    ]
    .map(|number| number.to_string());
    format!("{};{};{}", numbers.join(","), sketch(&cell.first_tokens), sketch(&cell.speeds))
}

fn sketch(sketch: &Sketch) -> String {
    let pairs = sketch.buckets().iter().map(|(index, count)| format!("{index}:{count}"));
    pairs.collect::<Vec<_>>().join(",")
}

fn read_cell(text: &str) -> Option<Cell> {
    let mut parts = text.split(';');
    let mut numbers = parts.next()?.split(',').map(|number| number.parse::<u64>().ok());
    let mut next = || numbers.next().flatten();
    Some(Cell {
        successes: next()?,
        faults: next()?,
        rate_limits: next()?,
        first_token_ms: next()?,
        output_tokens: next()?,
        generation_ms: next()?,
        tool_answers: next()?,
        tool_errors: next()?,
        first_tokens: read_sketch(parts.next()?)?,
        speeds: read_sketch(parts.next()?)?,
    })
}

fn read_sketch(text: &str) -> Option<Sketch> {
    let mut sketch = Sketch::default();
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        let (index, count) = pair.split_once(':')?;
        sketch.count(index.parse().ok()?, count.parse().ok()?);
    }
    Some(sketch)
}

pub(super) fn read_ejection(field: &str, value: &str) -> Option<(Key, u64, u32)> {
    let (until_ms, count) = value.split_once(',')?;
    Some((read_field(field)?, until_ms.parse().ok()?, count.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let key = Key { endpoint: Uuid::now_v7(), credential: Uuid::nil() };
        let mut seen = Cell {
            successes: 1,
            faults: 2,
            rate_limits: 3,
            first_token_ms: 4,
            output_tokens: 5,
            generation_ms: 6,
            tool_answers: 8,
            tool_errors: 7,
            ..Cell::default()
        };
        assert_eq!(read_cell(&cell(&seen)), Some(seen.clone()));
        seen.first_tokens.count(120, 3);
        seen.first_tokens.count(99, 1);
        assert_eq!(read_cell(&cell(&seen)), Some(seen.clone()));
        seen.speeds.count(4, 5);
        assert_eq!(cell(&seen), "1,2,3,4,5,6,8,7;99:1,120:3;4:5");
        assert_eq!(read_cell(&cell(&seen)), Some(seen));
        assert_eq!(read_field(&field(key)), Some(key));
        assert_eq!(read_ejection(&field(key), "7,2"), Some((key, 7, 2)));
        for junk in ["", "1,2", "1,2,3,4,5,6,7,8", "1,2,3,4,5,6,7,8;x;", "1,2,3,4,5,6,7,8;1:2:3;"] {
            assert_eq!(read_cell(junk), None, "{junk}");
        }
        assert_eq!(read_field("junk"), None);
    }

    #[test]
    fn a_view_reads_with_and_without_its_pace() {
        let cell = Cell { successes: 7, ..Cell::default() };
        let told = |pace| Told { cell: cell.clone(), pace };
        let unknown = told(Pace::default());
        assert_eq!(view(&unknown), "7,0,0,0,0,0,0,0;;", "as versions write it that know of no pace");
        let pace = Pace { latency_p50: Some(412.25), latency_p90: None, throughput_p50: Some(50.5) };
        assert_eq!(view(&told(pace)), "7,0,0,0,0,0,0,0;;;412.25,,50.5");
        assert_eq!(read_view("7,0,0,0,0,0,0,0;;;412.25,,50.5"), Some(told(pace)));
        assert_eq!(
            read_cell("7,0,0,0,0,0,0,0;;;412.25,,50.5"),
            Some(cell.clone()),
            "as those versions read it"
        );
        let more = "7,0,0,0,0,0,0,0;;;412.25,,50.5,9;what comes later";
        assert_eq!(read_view(more), Some(told(pace)));
        for junk in ["", ";", ";x,y", ";NaN,-1,inf"] {
            assert_eq!(read_view(&format!("7,0,0,0,0,0,0,0;;{junk}")), Some(unknown.clone()), "{junk}");
        }
    }
}
