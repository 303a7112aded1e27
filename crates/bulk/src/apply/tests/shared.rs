//! Backends that keep all accounts in one file: batches, and one sync for each.

use super::*;

/// A backend with one file, which is what it would keep: how often it was written, and by what.
pub(crate) struct OneFile {
    inner: PamP11,
    batches: Mutex<Vec<usize>>,
    /// How often plans were made, and how many at once.
    pub(crate) planned: Mutex<Vec<usize>>,
}

impl OneFile {
    pub(crate) fn new(inner: PamP11) -> Self {
        Self { inner, batches: Mutex::default(), planned: Mutex::default() }
    }
}

impl Backend for OneFile {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn keeps_one_file(&self) -> bool {
        true
    }

    fn pairings(&self, account: &Account) -> Result<Pairings, pairing::Error> {
        self.inner.pairings(account)
    }

    fn accounts_with_pairings(&self) -> Result<Vec<AccountPairings>, pairing::Error> {
        self.inner.accounts_with_pairings()
    }

    fn plan(&self, account: &Account, request: &Request) -> Result<Plan, pairing::Error> {
        self.inner.plan(account, request)
    }

    fn plan_each(
        &self,
        requests: &mut dyn Iterator<Item = (Account, Request)>,
        planned: &mut dyn FnMut(Result<Plan, pairing::Error>),
    ) {
        let mut count = 0;
        self.inner.plan_each(&mut requests.inspect(|_| count += 1), planned);
        self.planned.lock().unwrap().push(count);
    }

    fn check_access(&self, plan: &Plan) -> Result<(), pairing::Error> {
        self.inner.check_access(plan)
    }

    fn apply_witnessed(&self, plan: &Plan, witness: Witness<'_>) -> Result<Applied, pairing::Error> {
        self.inner.apply_witnessed(plan, witness)
    }

    fn apply_many(&self, plans: &[Plan], witness: WitnessOfMany<'_>) -> Vec<Result<Applied, pairing::Error>> {
        self.batches.lock().unwrap().push(plans.len());
        self.inner.apply_many(plans, witness)
    }

    fn undo(&self, account: &Account, undo: &Undo) -> Result<(), pairing::Error> {
        self.inner.undo(account, undo)
    }
}

#[test]
fn rows_go_to_one_file_together_and_no_account_twice() {
    let mut tree = Tree::with_people(6);
    tree.plan.rows.push(row(6, "person2", RowAction::Unpair, None));
    tree.plan.rows.push(row(7, "person3", RowAction::Unpair, None));
    tree.save();
    let before = tree.snapshot();
    let backend = OneFile::new(PamP11::new(tree.system()));
    let seen = Seen::default();
    assert_eq!(tree.apply(&backend, &seen).unwrap(), End::Finished);
    assert!(seen.rows().iter().all(|(_, result)| *result == RowResult::Changed));
    assert_eq!(*backend.batches.lock().unwrap(), [6, 2]);
    assert!(!tree.file("person2").exists() && tree.file("person1").exists());
    assert_eq!(tree.undo().len(), 8);
    assert_eq!(tree.snapshot(), before);
}

/// However many are asked for: each would wait for the disk of the journal.
#[test]
fn no_more_than_64_threads_work_at_once() {
    #[derive(Default)]
    struct Threads(Mutex<HashSet<std::thread::ThreadId>>);
    impl Watcher for Threads {
        fn row(&self, _: &Outcome) {
            self.0.lock().unwrap().insert(std::thread::current().id());
        }
    }
    let mut tree = Tree::with_people(0);
    tree.plan.rows.extend((0..200).map(|number| row(number, &format!("nobody{number}"), RowAction::Unpair, None)));
    tree.save();
    let (loaded, threads, system) = (tree.loaded(), Threads::default(), tree.system());
    let journal = Journal::create(&tree.path("journal"), &loaded.begin()).unwrap();
    let history = History::new(loaded.begin());
    let lookup = |name: &AccountName| system.account(name);
    let backend = PamP11::new(tree.system());
    let run = Run::new(&loaded.plan, &backend, &lookup, &threads, (journal, &history));
    assert_eq!(run.carry_out(NonZeroUsize::MAX).unwrap(), End::Finished);
    drop(run);
    let used = threads.0.lock().unwrap().len();
    assert!((2..=64).contains(&used), "{used}");
    assert_eq!(tree.history().outcomes.len(), 200);
}
