//! Many accounts at once: one reading, one writing.

use super::*;

#[test]
fn rows_see_the_rows_before_them() {
    let (tree, shared, mine) = (Tree::new(), certificate("shared"), certificate("mine"));
    let (alice, bob) = (tree.account("alice"), tree.account("bob"));
    tree.pair("bob", &shared);
    let requests = [
        (alice.clone(), pair(&mine)),
        (alice.clone(), pair(&mine)),
        (bob.clone(), pair(&mine)),
        (bob.clone(), Request::Unpair(Selection::All)),
        (alice.clone(), pair(&shared)),
    ];
    let backend = tree.backend();
    let plans = backend.plan_many(&requests);
    assert!(plans[1].as_ref().unwrap().is_unchanged());
    assert!(matches!(plans[2], Err(Error::MappedToAnother { .. })));
    let plans: Vec<_> = plans.into_iter().filter_map(Result::ok).collect();
    let (mut calls, mut told) = (0, Vec::new());
    let before = tree.text();
    let applied = backend.apply_many(&plans, &mut |undos| {
        calls += 1;
        assert_eq!(tree.text(), before, "told before the change");
        told.extend(undos.iter().map(|(index, _)| *index));
        Ok(())
    });
    assert_eq!((calls, told), (1, vec![0, 2, 3]));
    assert!(tree.pairings("bob").is_empty());
    assert_eq!(tree.pairings("alice").hashes(), [mine.pairing_hash(), shared.pairing_hash()]);
    let undos: Vec<_> = applied.iter().map(|applied| applied.as_ref().unwrap()).collect();
    let undos: Vec<_> = undos.iter().map(|applied| (applied.account().clone(), applied.undo().clone())).collect();
    assert!(backend.undo_many(&undos).iter().all(Result::is_ok));
    assert_eq!(tree.text(), before);
}

#[test]
fn one_that_does_not_fit_any_more_does_not_stop_the_others() {
    let (tree, shared, mine) = (Tree::new(), certificate("shared"), certificate("mine"));
    let backend = tree.backend();
    let plan = |name: &str, certificate| backend.plan(&tree.account(name), &pair(certificate)).unwrap();
    let plans = [plan("alice", &shared), plan("alice", &mine)];
    tree.pair("bob", &shared);
    let results = backend.apply_many(&plans, &mut |_| Ok(()));
    assert!(matches!(results[0], Err(Error::MappedToAnother { .. })) && results[1].is_ok());
}

#[test]
fn all_pairings_means_those_that_were_planned() {
    let tree = Tree::new();
    tree.pair("alice", &certificate("one"));
    let backend = tree.backend();
    let plan = backend.plan(&tree.account("alice"), &Request::Unpair(Selection::All)).unwrap();
    tree.pair("alice", &certificate("two"));
    assert!(matches!(backend.apply(&plan), Err(Error::Changed { .. })));
    assert_eq!(tree.pairings("alice").entries.len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is done, in however many batches, undoing it in the reverse order leaves what was there.
    #[test]
    fn undoing_everything_restores_the_file(
        before in "(# [a-c ]{0,3}\n|00 -> bob\n){0,4}(# end)?",
        steps in proptest::collection::vec((0..3usize, 0..2usize, 0..3usize, any::<bool>()), 1..10),
    ) {
        let certificates: Vec<_> = (0..3).map(|number| certificate(&number.to_string())).collect();
        let tree = Tree::with_file(before.as_bytes());
        let backend = tree.backend();
        let mut undos = Vec::new();
        let mut batch = Vec::new();
        for (action, user, key, ends_batch) in steps {
            let (user, key) = (tree.account(["alice", "bob"][user]), &certificates[key]);
            batch.push((user, match action {
                0 => pair(key),
                1 => unpair(key.pairing_hash()),
                _ => Request::Unpair(Selection::All),
            }));
            if ends_batch {
                let plans: Vec<_> = backend.plan_many(&batch).into_iter().filter_map(Result::ok).collect();
                for applied in backend.apply_many(&plans, &mut |_| Ok(())) {
                    let applied = applied.unwrap();
                    undos.push((applied.account().clone(), applied.undo().clone()));
                }
                batch.clear();
            }
        }
        for result in backend.undo_many(&undos) {
            result.unwrap();
        }
        prop_assert_eq!(tree.text(), before);
    }
}
