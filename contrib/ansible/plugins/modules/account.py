#!/usr/bin/python
# SPDX-License-Identifier: MIT OR Apache-2.0

DOCUMENTATION = r'''
module: account
short_description: Which smart card opens a local account
version_added: 0.1.0
description:
  - Pairs a local account with the key of a certificate, or takes such pairings away, through C(pivkit) on the host.
  - No card is needed, and no PIN. The certificate says which key it is.
author:
  - The pivkit contributors
options:
  user:
    description: The login name of the account. The account must exist.
    type: str
    required: true
  state:
    description:
      - V(present), the key opens the account, beside others that may.
      - V(replaced), the key opens the account, and no other does.
      - V(absent), the key does not open the account; without a key, none does.
    type: str
    choices: [present, replaced, absent]
    default: present
  certificate:
    description: The path of the certificate on the host, PEM or DER.
    type: path
  content:
    description: The certificate itself, PEM.
    type: str
  hash:
    description:
      - The pairing hash of the key, 40 hexadecimal digits, as C(pivkit hash) prints it.
      - Alone it is enough for backends that keep hashes, and for O(state=absent). Beside a certificate the two must agree.
    type: str
  journals:
    description:
      - The directory on the host in which each task that changes something leaves its journal.
      - C(pivkit bulk undo) takes one back, C(pivkit bulk report) explains it.
      - It is made where it is missing. It must be a directory of the user of this task with mode 0700; otherwise nothing is changed.
    type: path
    default: /var/lib/pivkit/journals
  backend:
    description: Where pairings are kept, such as V(pam_p11). Without it, pivkit looks what the system has.
    type: str
  root:
    description: A directory tree with its own C(etc/passwd), instead of the live system.
    type: path
  executable:
    description: The program, by name or by path.
    type: path
    default: pivkit
attributes:
  check_mode:
    description: Says what would change, and changes nothing.
    support: full
  diff_mode:
    description: Shows the pairings of the account before and after, one a line.
    support: full
  platform:
    description: Where it works.
    support: full
    platforms: posix
requirements:
  - pivkit
seealso:
  - module: pivkit.pairing.manifest
'''

EXAMPLES = r'''
- name: Alice logs in with her card
  pivkit.pairing.account:
    user: alice
    content: "{{ lookup('ansible.builtin.file', 'certificates/alice.pem') }}"

- name: Her new card takes the place of the old one
  pivkit.pairing.account:
    user: alice
    certificate: /etc/pki/people/alice-2027.pem
    state: replaced

- name: A lost card opens nothing
  pivkit.pairing.account:
    user: alice
    hash: A99E433CE9461FFC3F6BAF435AFA1472ADFEFBAB
    state: absent

- name: No card opens the account
  pivkit.pairing.account:
    user: bob
    state: absent
'''

RETURN = r'''
pairings:
  description: The pairing hashes of the account, read back; in check mode, as they would be.
  returned: success
  type: dict
  sample: {alice: [A99E433CE9461FFC3F6BAF435AFA1472ADFEFBAB]}
journal:
  description: The journal on the host.
  returned: when something was changed
  type: str
rows:
  description: What pivkit planned, with the changes in words.
  returned: when pivkit could plan
  type: list
  elements: dict
problems:
  description: Why it cannot be done, with a reason for each row.
  returned: when pivkit could plan
  type: list
  elements: dict
backend:
  description: Where the pairings are kept.
  returned: when pivkit could plan
  type: str
  sample: pam_p11
rc:
  description: The exit code of pivkit. 2 usage, 5 refused by a check, 6 privilege or account backend, 8 the row failed.
  returned: failure
  type: int
'''

import csv
import io
import os
import re
import shutil
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_bytes
from ansible_collections.pivkit.pairing.plugins.module_utils.pivkit import Pivkit, carry_out, common_arguments

ACTIONS = dict(present='pair', replaced='replace', absent='unpair')

HASH = re.compile('^[0-9A-F]{40}$')


def main():
    module = AnsibleModule(
        argument_spec=dict(
            user=dict(type='str', required=True),
            state=dict(type='str', choices=['present', 'replaced', 'absent'], default='present'),
            certificate=dict(type='path'),
            content=dict(type='str'),
            # A hash of a public key: nothing to hide.
            hash=dict(type='str', no_log=False),
            **common_arguments()
        ),
        mutually_exclusive=[('certificate', 'content')],
        required_if=[
            ('state', state, ('certificate', 'content', 'hash'), True) for state in ('present', 'replaced')
        ],
        supports_check_mode=True,
    )
    pivkit = Pivkit(module)
    # Only its owner can look into it.
    directory = tempfile.mkdtemp(prefix='pivkit-', dir=module.tmpdir)
    module.add_cleanup_file(directory)
    try:
        key = key_columns(module.params, directory)
        manifest = os.path.join(directory, 'manifest.csv')
        write(manifest, rows(pivkit, module.params, key, directory))
        carry_out(module, pivkit, directory, manifest)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def key_columns(wanted, directory):
    """The columns of a manifest that say which key is meant."""
    key = {}
    if wanted['hash']:
        key['hash'] = wanted['hash']
    if wanted['content']:
        write(os.path.join(directory, 'certificate.pem'), wanted['content'])
        key['certificate'] = 'certificate.pem'
    elif wanted['certificate']:
        key['certificate'] = os.path.abspath(wanted['certificate'])
    return key


def rows(pivkit, wanted, key, directory):
    """The manifest for what is wanted."""
    user = wanted['user']
    if wanted['state'] == 'replaced':
        # pivkit replaces one key by another. Where there are several, the new one comes, and each of the others goes.
        present = pivkit.pairings([user])[user]
        if len(present) > 1 and all(HASH.match(one) for one in present):
            pair = [dict(key, user=user, action='pair')]
            path = os.path.join(directory, 'pair.csv')
            write(path, csv_of(pair))
            planned = [row['pairing_hash'] for row in pivkit.plan(path, None)['rows']]
            if planned:
                return csv_of(pair + [dict(user=user, action='unpair', hash=one) for one in present if one not in planned])
    return csv_of([dict(key, user=user, action=ACTIONS[wanted['state']])])


def csv_of(of_rows):
    """Rows, as pivkit reads them."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ['user', 'action', 'hash', 'certificate'], restval='', lineterminator='\n')
    writer.writeheader()
    writer.writerows(of_rows)
    return text.getvalue()


def write(path, text):
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'wb') as file:
        file.write(to_bytes(text))


if __name__ == '__main__':
    main()
