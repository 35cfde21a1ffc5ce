//! A list as an RSS feed.

use std::io;

use chrono::DateTime;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::query::Feed;
use super::row::{Facts, Row};

pub(super) const CONTENT_TYPE: &str = "application/rss+xml";

/// RSS 2.0 with an item for each row. Links are paths at the address that the feed came from.
///
/// # Errors
/// [`io::Error`] never comes about: the writer is memory.
pub(super) fn render(rows: &[&Row], feed: Feed) -> io::Result<Vec<u8>> {
    let mut writer = Writer::new(Vec::new());
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer.create_element("rss").with_attribute(("version", "2.0")).write_inner_content(|writer| {
        writer.create_element("channel").write_inner_content(|writer| {
            text(writer, "title", "Models")?;
            text(writer, "link", "/api/v1/models")?;
            text(writer, "description", "The models that can be called here.")?;
            rows.iter().try_for_each(|row| item(writer, &row.facts, feed))
        })?;
        Ok(())
    })?;
    Ok(writer.into_inner())
}

fn item(writer: &mut Writer<Vec<u8>>, facts: &Facts, feed: Feed) -> io::Result<()> {
    let link = if feed.chat_links {
        format!("/chat?models={}", facts.slug)
    } else {
        format!("/api/v1/models/{}/endpoints", facts.slug)
    };
    writer.create_element("item").write_inner_content(|writer| {
        text(writer, "title", &facts.name)?;
        text(writer, "link", &link)?;
        text(writer, "description", &facts.description)?;
        let id = writer.create_element("guid").with_attribute(("isPermaLink", "false"));
        id.write_text_content(BytesText::new(&facts.slug))?;
        match i64::try_from(facts.created).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0)) {
            Some(created) => text(writer, "pubDate", &created.to_rfc2822()),
            None => Ok(()),
        }
    })?;
    Ok(())
}

fn text(writer: &mut Writer<Vec<u8>>, name: &str, content: &str) -> io::Result<()> {
    // XML has no way at all to write most control characters.
    let content: String = content.chars().filter(|char| !char.is_control()).collect();
    writer.create_element(name).write_text_content(BytesText::new(&content))?;
    Ok(())
}
