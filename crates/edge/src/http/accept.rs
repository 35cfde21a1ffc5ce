//! What a client accepts, as headers like `Accept` and `Accept-Encoding` list it.

use http::HeaderMap;
use http::header::HeaderName;

/// The names in all lines of a header, what is wanted most first; without parameters, and without what `q=0` refuses.
pub(super) fn accepted<'a>(headers: &'a HeaderMap, header: &HeaderName) -> Vec<&'a str> {
    let lines = headers.get_all(header).iter().filter_map(|line| line.to_str().ok());
    let mut listed: Vec<(&str, f32)> = lines.flat_map(|line| line.split(',')).filter_map(weighed).collect();
    listed.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    listed.into_iter().map(|(name, _)| name).collect()
}

/// Whether a header names something, and not to refuse it. `*` names nothing.
pub(super) fn accepts(headers: &HeaderMap, header: &HeaderName, wanted: &str) -> bool {
    accepted(headers, header).iter().any(|name| name.eq_ignore_ascii_case(wanted))
}

/// One entry of a list, and how much it is wanted.
fn weighed(entry: &str) -> Option<(&str, f32)> {
    let mut parts = entry.split(';').map(str::trim);
    let name = parts.next()?;
    let weight =
        parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    let weight = weight.map_or(Some(1.0), |(_, weight)| weight.trim().parse().ok())?;
    (weight > 0.0).then_some((name, weight))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::ACCEPT;

    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        HeaderMap::from_iter(lines.iter().map(|line| (ACCEPT, HeaderValue::from_static(line))))
    }

    #[test]
    fn what_is_accepted_is_read_from_lists_with_weights() {
        let accepts = |line, wanted: &str| accepts(&headers(&[line]), &ACCEPT, wanted);
        assert!(accepts("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"));
        assert!(accepts("application/json, Text/HTML; charset=utf-8; q=0.1", "text/html"));
        assert!(accepts("gzip, deflate, br;q=1.0", "br"));
        for refused in ["*/*", "", "text/html;q=0", "text/html; Q=0.000", "text/htmlx", "text/html;q=x"] {
            assert!(!accepts(refused, "text/html"), "{refused}");
        }
    }

    #[test]
    fn what_is_wanted_most_comes_first_from_all_lines() {
        let mut both = headers(&["text/html;q=0.5, application/json;q=0.2"]);
        both.append(ACCEPT, HeaderValue::from_static("application/pdf, text/csv;q=0"));
        assert_eq!(accepted(&both, &ACCEPT), ["application/pdf", "text/html", "application/json"]);
        assert_eq!(accepted(&headers(&["b, a"]), &ACCEPT), ["b", "a"], "alike, as they are written");
        assert!(accepted(&HeaderMap::new(), &ACCEPT).is_empty());
    }
}
