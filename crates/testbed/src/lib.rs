//! A real control plane, simulated nodes and AWS for tests and the demo
