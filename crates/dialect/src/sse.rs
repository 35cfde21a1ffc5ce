//! Server-sent events: framing that works on any cut of the bytes.
