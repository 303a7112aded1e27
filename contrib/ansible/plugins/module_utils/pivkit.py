# SPDX-License-Identifier: MIT OR Apache-2.0
"""pivkit on a managed host, as the modules of this collection call it.

    manifest -> pivkit bulk plan -> problems: stop, nothing was changed
                                 -> no changes: done
                                 -> check mode: what would be
                                 -> pivkit bulk apply, with a journal -> pivkit list, read back

Every call is a list of arguments; nothing goes through a shell.
"""

import json
import os
import stat
import time

# Exit codes of pivkit. The others are plain failures.
OK = 0
ACCOUNT = 6
SOME_ROWS_FAILED = 8

# How many rows a message names; all of them are in the result.
SPELLED_OUT = 10


def common_arguments():
    """The options that both modules have."""
    return dict(
        backend=dict(type='str'),
        root=dict(type='path'),
        executable=dict(type='path', default='pivkit'),
        journals=dict(type='path', default='/var/lib/pivkit/journals'),
    )


class Pivkit:
    """The program on this host, with the backend and the root that the task asks for."""

    def __init__(self, module):
        self.module = module
        wanted = module.params['executable']
        self.program = module.get_bin_path(wanted, opt_dirs=['/usr/local/bin'])
        if self.program is None:
            module.fail_json(msg='There is no %s on this host. Install pivkit there, or name its path as executable.' % wanted)
        self.accounts = []
        for option in ('backend', 'root'):
            if module.params[option] is not None:
                self.accounts.append('--%s=%s' % (option, module.params[option]))

    def run(self, words, codes):
        """Runs a command with --json. Returns its exit code, which is one of codes, and its document."""
        command = [self.program, '--json', '--non-interactive'] + words
        code, out, err = self.module.run_command(command, environ_update=dict(LC_ALL='C.UTF-8', LANG='C.UTF-8'))
        if code not in codes:
            self.fail(code, err)
        try:
            return code, json.loads(out), err
        except ValueError:
            self.fail(code, err, 'pivkit %s printed no JSON.' % words[0])

    def fail(self, code, err, headline=None):
        """Fails with what pivkit said: what is wrong, and what to do next."""
        said = ' '.join(line.strip() for line in err.splitlines() if line.strip())
        said = said[len('pivkit: '):] if said.startswith('pivkit: ') else said
        message = ' '.join(part for part in (headline, said) if part)
        self.module.fail_json(msg=message or 'pivkit failed and said nothing.', rc=code, stderr=err)

    def pairings(self, users):
        """The pairings of these accounts: a dictionary of lists of hashes, sorted."""
        users = sorted(set(users))
        if not users:
            return {}
        one = ['--user=%s' % users[0]] if len(users) == 1 else []
        # 6 with a document: other accounts could not be read. That is not the concern of these.
        code, report, err = self.run(['list'] + one + self.accounts, (OK, ACCOUNT))
        unreadable = [note for note in report['errors'] if note['user'] in users]
        if unreadable:
            self.fail(code, err)
        found = dict((user, []) for user in users)
        for account in report['accounts']:
            if account['user'] in found:
                # What is kept elsewhere is nothing that pivkit could change.
                managed = [pairing for pairing in account['pairings'] if not pairing.get('elsewhere')]
                found[account['user']] = sorted(pairing['pairing_hash'] or pairing['key'] for pairing in managed)
        return found

    def plan(self, manifest, host):
        """What a manifest would change here."""
        words = ['bulk', 'plan', manifest] + self.accounts
        if host is not None:
            words.append('--host=%s' % host)
        return self.run(words, (OK, SOME_ROWS_FAILED))[1]

    def apply(self, plan, directory, journal, skip_problems):
        """Carries a plan out. Returns what pivkit reports of the journal."""
        path = os.path.join(directory, 'plan.json')
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'w') as file:
            json.dump(plan, file)
        words = ['bulk', 'apply', path, '--journal', journal, '--yes'] + self.accounts
        if plan.get('host'):
            # The play says which host this is.
            words.append('--host=%s' % plan['host'])
        if skip_problems:
            words.append('--skip-problems')
        self.run(words, (OK, SOME_ROWS_FAILED))
        return self.run(['bulk', 'report', journal], (OK,))[1]


def carry_out(module, pivkit, directory, manifest, host=None, skip_problems=False):
    """Brings this host to what the manifest says, and leaves the module with the result."""
    plan = pivkit.plan(manifest, host)
    problems = plan.get('problems', [])
    result = dict(
        backend=plan['backend'],
        rows=[summary(row) for row in plan['rows']],
        problems=problems,
        skipped=plan.get('skipped', []),
        waiting=plan.get('waiting', []),
    )
    for row in plan['rows']:
        for note in row.get('notes', []):
            module.warn('%s: %s' % (row['user'], note))
    if result['waiting']:
        module.warn('%d rows name no key: these people pair at an enrolment desk.' % len(result['waiting']))
    if problems and not skip_problems:
        module.fail_json(msg='Nothing was changed. %s' % phrases(problems), rc=SOME_ROWS_FAILED, **result)

    users = [row['user'] for row in plan['rows']]
    before = pivkit.pairings(users)
    changing = [row for row in plan['rows'] if row['changes']]
    after, failed = expected(before, changing), []
    if changing and not module.check_mode:
        result['journal'] = new_journal(module)
        report = pivkit.apply(plan, directory, result['journal'], skip_problems)
        after = pivkit.pairings(users)
        failed = result['failures'] = unfinished(report)
    result.update(
        changed=before != after if failed else bool(changing),
        pairings=after,
        diff=dict(before=lines(before), after=lines(after), before_header='pairings', after_header='pairings'),
    )
    if failed:
        module.fail_json(msg=phrases(failed), rc=SOME_ROWS_FAILED, **result)
    if problems:
        result['msg'] = 'Passed over: %s' % phrases(problems)
    module.exit_json(**result)


def new_journal(module):
    """The path of a journal that is not there yet, in a directory that nobody else could have prepared or can look into."""
    # Without a slash at its end, which would lead through a link.
    directory = os.path.abspath(module.params['journals'])
    why = None
    try:
        os.makedirs(directory, 0o700, exist_ok=True)
        # Not what a link leads to.
        found = os.lstat(directory)
        if not stat.S_ISDIR(found.st_mode):
            why = 'it is no directory'
        elif found.st_uid != os.geteuid():
            why = 'it belongs to another user (uid %d)' % found.st_uid
        elif found.st_mode & 0o077:
            why = 'others may use it (mode %o)' % stat.S_IMODE(found.st_mode)
    except OSError as error:
        why = 'it cannot be made (%s)' % error
    if why:
        module.fail_json(
            msg='Nothing was changed. Journals are not kept in %s, because %s. Give it to the user of this task with mode 700, '
            'or name another directory as journals.' % (directory, why)
        )
    name = time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())
    return os.path.join(directory, '%s-%d.jsonl' % (name, os.getpid()))


def summary(row):
    """A row of the plan without its certificate."""
    return dict((name, row[name]) for name in ('line', 'user', 'action', 'pairing_hash', 'changes') if name in row)


def expected(before, rows):
    """The pairings after these rows, for check mode."""
    after = dict((user, set(hashes)) for user, hashes in before.items())
    for row in rows:
        key = row.get('pairing_hash')
        hashes = after.setdefault(row['user'], set())
        if row['action'] == 'unpair':
            after[row['user']] = hashes - set([key]) if key else set()
        elif row['action'] == 'replace':
            after[row['user']] = set([key])
        else:
            hashes.add(key)
    return dict((user, sorted(hashes)) for user, hashes in after.items())


def unfinished(report):
    """The rows of a journal that did not come to their end. Those that wait for a person are none of them."""
    rows = [row for row in report['rows'] if row['result'] in ('failed', 'in_doubt')]
    left = report['counts']['not_reached']
    if left:
        rows.append(dict(user='%d rows' % left, error='pivkit ended before it came to them.', next='Run it again.'))
    return rows


def phrases(notes):
    """Rows and what is wrong with them, as one text."""
    said = []
    for note in notes[:SPELLED_OUT]:
        why = note.get('why') or note.get('error') or ''
        next_step = note.get('next') or ''
        said.append('%s: %s' % (note.get('user') or 'line %s' % note.get('line'), ' '.join(p for p in (why, next_step) if p)))
    if len(notes) > SPELLED_OUT:
        said.append('and %d more' % (len(notes) - SPELLED_OUT))
    return '; '.join(said)


def lines(pairings):
    """Pairings as a text that a diff can show: one line for each."""
    return ''.join('%s: %s\n' % (user, key) for user in sorted(pairings) for key in pairings[user])
