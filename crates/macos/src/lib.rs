//! A Mac's own tools and files as typed functions: sc_auth, dscl, system_profiler, SmartcardLogin.plist.
//!
//! Nothing here is compiled for a Mac only: tools are run through one command runner, and tests put stand-ins in their place.
#![forbid(unsafe_code)]
