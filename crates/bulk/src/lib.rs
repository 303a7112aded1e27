//! Many pairings at once: manifest, plan, journal, report.
#![forbid(unsafe_code)]
