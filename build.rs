//! Tells Cargo what it cannot see.

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A macro embeds these folders. Cargo knows only of the files that it found the last time, so that
    // it has to be told when one comes or goes.
    println!("cargo::rerun-if-changed=console");
    println!("cargo::rerun-if-changed=dashboards");
    println!("cargo::rerun-if-changed=incidents");
    // Line numbers for backtraces are two thirds of a release binary; compressed they are a third.
    // The standard library reads them so too.
    let is = |name, value: &str| var(name).is_ok_and(|it| it == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("PROFILE", "release") {
        println!("cargo::rustc-link-arg-bins=-Wl,--compress-debug-sections=zlib,-O2");
    }
}
