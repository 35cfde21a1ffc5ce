//! What tests share: a platform in either topology, databases, fault scripts.
