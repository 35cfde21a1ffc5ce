//! System tests: every scenario in both topologies.
