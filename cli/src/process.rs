//! What concerns the process as a whole.

/// A crash must not leave a PIN or a token in a core file, and no other process of the user may read them from memory.
/// Both are precautions: a system that refuses them is no reason to stop.
pub(crate) fn keep_secrets_out_of_core_files() {
    let _ = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0);
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_dumpable(false);
}
