//! How `ipamd` is linked, because every node pays for it: its relocations in the packed form, and equal functions once.
//!
//! The plain form of the relocations of a static, position-independent program of this size is 2.8 MiB, all of it read
//! at the start. Generated clients are full of functions that differ in their types and not in their code.

#![expect(clippy::print_stdout, reason = "how a build script speaks to cargo")]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|text| text == value);
    // glibc from 2.36 on can read the packed form; other C libraries of Linux not all.
    if !(is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu")) {
        return;
    }
    println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    // Of the linkers only LLD knows this, which Rust brings along for this machine; only where size counts: the
    // profile `node`.
    if is("CARGO_CFG_TARGET_ARCH", "x86_64") && is("OPT_LEVEL", "s") {
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=safe");
    }
}
