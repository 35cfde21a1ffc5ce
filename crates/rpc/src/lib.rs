//! Generated gRPC code, channels that are local or remote, layers and error kinds.
