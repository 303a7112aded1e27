//! The same work on many things, on all cores.
//!
//! Reading files is also waiting for disks, so [`map`] has more threads than there are cores.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;

/// What `work` makes of each item, in the order of the items. For work that reads a file each.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let blocks = Mutex::new(items.chunks(BLOCK).enumerate());
    let worker = || {
        let mut done: Vec<(usize, Vec<R>)> = Vec::new();
        loop {
            // Bound to a name of its own, so that the lock is free again before the work begins.
            let next = blocks.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((index, block)) = next else { return done };
            done.push((index, block.iter().map(&work).collect()));
        }
    };
    let mut done = if items.len() <= BLOCK {
        worker()
    } else {
        thread::scope(|scope| {
            let others: Vec<_> = (1..threads().max(READERS)).map(|_| scope.spawn(worker)).collect();
            let mut done = worker();
            for other in others {
                match other.join() {
                    Ok(more) => done.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            done
        })
    };
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().flat_map(|(_, block)| block).collect()
}

/// How many threads work at once: one for each core, within reason.
pub(crate) fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS)
}

const BLOCK: usize = 64;
const MAX_THREADS: usize = 16;
/// As many files are read at once, however few cores there are.
const READERS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_are_in_order() {
        for count in [0, 1, BLOCK, BLOCK + 1, 10_000] {
            let items: Vec<usize> = (0..count).collect();
            assert_eq!(map(&items, |item| item * 2), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
    }
}
