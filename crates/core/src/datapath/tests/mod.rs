//! What pods, interfaces and settings lead to, as tables; and that changes lead where they should.

mod host;
mod pod;
mod properties;
mod snat;
