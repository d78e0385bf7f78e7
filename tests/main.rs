//! System tests of the operator.
