//! How `ipamd` is linked: its relocations in the packed form. The plain form of a static, position-independent program
//! of this size is 2.8 MiB, all of it read at the start, and so a sixth of what the agent holds on every node.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|text| text == value);
    // glibc from 2.36 on can read the packed form; other C libraries of Linux not all.
    if !(is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu")) {
        return;
    }
    println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
}
