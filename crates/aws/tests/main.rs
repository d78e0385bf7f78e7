//! The ports against the sandbox: every method, pages, and every class of error.

mod errors;
mod lab;
mod reading;
