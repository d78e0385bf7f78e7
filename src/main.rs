//! vpc-cni-operator.
fn main() {}
