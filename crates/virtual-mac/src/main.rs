//! Stand-ins for a Mac's own tools, with state in a plist.
#![forbid(unsafe_code)]

fn main() {}
