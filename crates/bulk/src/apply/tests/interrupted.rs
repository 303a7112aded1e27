//! Runs that end in the middle: killed, stopped, or with a full disk. The moments are chosen by a backend that stands between
//! the run and pam_p11; a kill of the whole program at each of its system calls is a scenario of its own.

use super::*;

/// A moment in the work of a backend, by the number of the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    BeforeIntent(usize),
    AfterIntent(usize),
    AfterChange(usize),
}

/// pam_p11, and something that happens at a moment.
struct At<'a> {
    inner: PamP11,
    moment: Moment,
    happens: &'a (dyn Fn() -> io::Result<()> + Sync),
    changes: AtomicUsize,
}

impl<'a> At<'a> {
    fn new(tree: &Tree, moment: Moment, happens: &'a (dyn Fn() -> io::Result<()> + Sync)) -> Self {
        At { inner: PamP11::new(tree.system()), moment, happens, changes: AtomicUsize::new(0) }
    }

    fn reach(&self, moment: Moment) -> io::Result<()> {
        if moment == self.moment { (self.happens)() } else { Ok(()) }
    }
}

impl Backend for At<'_> {
    fn name(&self) -> &'static str {
        self.inner.name()
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

    fn check_access(&self, plan: &Plan) -> Result<(), pairing::Error> {
        self.inner.check_access(plan)
    }

    fn apply_witnessed(&self, plan: &Plan, witness: Witness<'_>) -> Result<Applied, pairing::Error> {
        let number = self.changes.fetch_add(1, Ordering::SeqCst);
        let applied = self.inner.apply_witnessed(plan, &mut |undo| {
            self.reach(Moment::BeforeIntent(number))?;
            witness(undo)?;
            self.reach(Moment::AfterIntent(number))
        });
        self.reach(Moment::AfterChange(number)).unwrap();
        applied
    }

    fn undo(&self, account: &Account, undo: &Undo) -> Result<(), pairing::Error> {
        self.inner.undo(account, undo)
    }
}

fn moments() -> impl Iterator<Item = Moment> {
    (0..4).flat_map(|number| [Moment::BeforeIntent(number), Moment::AfterIntent(number), Moment::AfterChange(number)])
}

/// Four people, one of whom has a file already.
fn tree() -> Tree {
    let tree = Tree::with_people(4);
    let backend = PamP11::new(tree.system());
    let account = tree.system().account(&"person1".parse().unwrap()).unwrap();
    backend.apply(&backend.plan_pair(&account, &certificate("older")).unwrap()).unwrap();
    tree
}

#[test]
fn a_killed_run_is_gone_on_with_and_undone() {
    for moment in moments() {
        let tree = tree();
        let before = tree.snapshot();
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "apply::tests::interrupted::child", "--nocapture"])
            .env("BULK_TREE", tree.directory.path())
            .env("BULK_MOMENT", format!("{moment:?}"))
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.signal(), Some(9), "{moment:?}");
        let killed = tree.snapshot();

        // Undone as it is, and brought to its end on a copy of the journal.
        let journal = fs::read(tree.path("journal")).unwrap();
        assert!(tree.undo().iter().all(|result| *result == UndoResult::Restored), "{moment:?}");
        assert_eq!(tree.snapshot(), before, "{moment:?}");

        let tree = Tree { plan: tree.plan.clone(), ..tree };
        fs::write(tree.path("journal"), journal).unwrap();
        put(&tree, &killed);
        tree.run();
        let settled = (0..4).filter(|row| tree.history().outcomes[row].result == RowResult::Changed).count();
        assert_eq!(settled, 4, "{moment:?}");
        let backend = PamP11::new(tree.system());
        for row in &tree.plan.rows {
            let der = STANDARD.decode(row.certificate.as_ref().unwrap()).unwrap();
            let hash = Certificate::from_der(&der).unwrap().pairing_hash();
            let account = tree.system().account(&row.user.parse().unwrap()).unwrap();
            let hashes = backend.pairings(&account).unwrap().hashes();
            assert_eq!(hashes.iter().filter(|kept| **kept == hash).count(), 1, "{moment:?}");
        }
        assert_eq!(tree.run(), [], "nothing is repeated");
        assert!(tree.undo().iter().all(|result| *result == UndoResult::Restored), "{moment:?}");
        assert_eq!(tree.snapshot(), before, "{moment:?}");
    }
}

/// Makes the files of the people as they are in a snapshot, which was taken of the same tree.
fn put(tree: &Tree, snapshot: &BTreeMap<PathBuf, String>) {
    for (path, facts) in snapshot {
        let mut words = facts.splitn(4, ' ');
        let mut number = |radix| u32::from_str_radix(words.next().unwrap(), radix).unwrap();
        let (mode, uid, gid) = (number(8), number(10), number(10));
        if mode & 0o170_000 == 0o40_000 {
            fs::create_dir_all(path).unwrap();
        } else {
            let bytes: Vec<u8> = serde_json::from_str(words.next().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode & 0o7777)).unwrap();
        chown(path, Some(uid), Some(gid)).unwrap();
    }
    assert_eq!(tree.snapshot(), *snapshot);
}

/// Does something only in the child processes of the test above.
#[test]
fn child() {
    let (Ok(directory), Ok(wanted)) = (std::env::var("BULK_TREE"), std::env::var("BULK_MOMENT")) else { return };
    let bytes = fs::read(Path::new(&directory).join("plan.json")).unwrap();
    let loaded: PlanFile = serde_json::from_slice(&bytes).unwrap();
    let journal_path = Path::new(&directory).join("journal");
    let begin = LoadedPlan::read(&Path::new(&directory).join("plan.json")).unwrap().begin();
    let (journal, history) = (Journal::create(&journal_path, &begin).unwrap(), History::new(begin));
    let system = System::root(Path::new(&directory).join("root"));
    let lookup = |name: &AccountName| system.account(name);
    let moment = moments().find(|moment| format!("{moment:?}") == wanted).unwrap();
    let kill = || {
        kill(Pid::this(), Signal::SIGKILL)?;
        unreachable!("killed");
    };
    let inner = PamP11::new(system.clone());
    let backend = At { inner, moment, happens: &kill, changes: AtomicUsize::new(0) };
    Run::new(&loaded, &backend, &lookup, &Seen::default(), (journal, &history)).carry_out(NonZeroUsize::MIN).unwrap();
}

#[test]
fn a_full_disk_stops_the_run_before_the_change() {
    let tree = tree();
    let before = tree.snapshot();
    let full = || Err(io::ErrorKind::StorageFull.into());
    let backend = At::new(&tree, Moment::BeforeIntent(1), &full);
    let stopped = tree.apply(&backend, &Seen::default());
    assert!(matches!(stopped, Err(Error::Journal { source, .. }) if source.kind() == io::ErrorKind::StorageFull));
    assert!(tree.history().outcomes.len() < 4);
    tree.run();
    assert_eq!(tree.history().outcomes.len(), 4);
    assert!(tree.undo().iter().all(|result| *result == UndoResult::Restored));
    assert_eq!(tree.snapshot(), before);
}

#[test]
fn a_run_that_is_asked_to_stop_ends_with_the_rows_in_hand() {
    struct Stopping(AtomicUsize, Seen);
    impl Watcher for Stopping {
        fn row(&self, outcome: &Outcome) {
            self.0.fetch_add(1, Ordering::SeqCst);
            self.1.row(outcome);
        }
        fn stop(&self) -> bool {
            self.0.load(Ordering::SeqCst) >= 1
        }
    }
    let tree = tree();
    let watcher = Stopping(AtomicUsize::new(0), Seen::default());
    assert_eq!(tree.apply(&PamP11::new(tree.system()), &watcher).unwrap(), End::Stopped);
    let (done, history) = (watcher.1.rows(), tree.history());
    assert!(!done.is_empty() && done.len() < 4);
    assert_eq!(history.outcomes.len(), done.len());
    assert_eq!(history.in_doubt().count(), 0);
    assert_eq!(tree.run().len(), 4 - done.len());
}
