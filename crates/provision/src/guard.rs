//! Calls into code that may panic on what a card answers.
//!
//! The crate `yubikey` indexes into answers without looking at their length. Such a panic ends the call here and becomes
//! an error; it is not printed, for it says nothing that a person could use.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `call`; `None` if it panicked.
pub(crate) fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                previous(info);
            }
        }));
    });
    let before = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(before);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_the_call_and_nothing_else() {
        let short: Vec<u8> = Vec::new();
        assert_eq!(guarded(|| 1), Some(1));
        assert_eq!(guarded(|| short[0]), None);
        assert!(!GUARDED.get());
        assert_eq!(guarded(|| 2), Some(2));
    }
}
