//! Builds anew when a file of the console comes or goes: what is embedded is read by a macro, and
//! Cargo knows only of the files that it found the last time.

fn main() {
    println!("cargo::rerun-if-changed=console");
    println!("cargo::rerun-if-changed=build.rs");
}
