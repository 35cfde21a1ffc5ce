//! The upstream side: the attempt loop, transport, metering and the spool.
