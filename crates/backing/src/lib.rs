//! Private PostgreSQL, Redis and NATS from installed binaries.
