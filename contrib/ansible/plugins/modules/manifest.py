#!/usr/bin/python
# SPDX-License-Identifier: MIT OR Apache-2.0

DOCUMENTATION = r'''
module: manifest
short_description: Which smart cards open the accounts of a host
version_added: 0.1.0
description:
  - Brings the local accounts of a host to what a manifest says, through C(pivkit bulk plan) and C(pivkit bulk apply) on the host.
  - Every row is checked before anything happens. Rows of other hosts are skipped.
  - Accounts that the manifest does not name stay as they are.
author:
  - The pivkit contributors
options:
  src:
    description:
      - A directory on the controller, with the manifest and its certificates.
      - All regular files below it are transferred, and removed from the host when the task is done.
      - Either this or O(slices) is needed.
    type: path
  slices:
    description:
      - A directory on the controller with one directory for each host, such as C(pivkit bulk plan --split-by-host) makes it.
      - That of O(host) takes the place of O(src). If there is none for this host, the task is skipped.
    type: path
  remote_src:
    description: O(src) is a directory on the host.
    type: bool
    default: false
  manifest:
    description: The name of the manifest in O(src).
    type: str
    default: manifest.csv
  host:
    description: The name by which the manifest knows this host. Without it, the host name.
    type: str
  skip_problems:
    description: Carry out the rows that can be, even if others cannot. Otherwise nothing is changed then.
    type: bool
    default: false
  journals:
    description:
      - The directory on the host in which each run that changes something leaves its journal.
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
    description: Shows the pairings of the accounts in the manifest before and after, one a line.
    support: full
  platform:
    description: Where it works.
    support: full
    platforms: posix
requirements:
  - pivkit
seealso:
  - module: pivkit.pairing.account
'''

EXAMPLES = r'''
# On the controller: pivkit bulk plan people.csv --split-by-host slices
- name: The cards of this host's people open their accounts
  pivkit.pairing.manifest:
    slices: slices
    host: "{{ inventory_hostname }}"
'''

RETURN = r'''
pairings:
  description: The pairing hashes of each account in the manifest, read back; in check mode, as they would be.
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
  description: Rows that cannot be carried out, and why.
  returned: when pivkit could plan
  type: list
  elements: dict
skipped:
  description: Rows that were passed over, and why.
  returned: when pivkit could plan
  type: list
  elements: dict
waiting:
  description: Rows that name no key, and wait for the person's card at an enrolment desk.
  returned: when pivkit could plan
  type: list
  elements: dict
failures:
  description: Rows that failed while they were applied, and why.
  returned: when something was to be changed
  type: list
  elements: dict
rc:
  description: The exit code of pivkit. 2 usage, 5 refused by a check, 6 privilege or account backend, 8 some rows failed.
  returned: failure
  type: int
'''

import os
import shutil
import tarfile
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.pivkit.pairing.plugins.module_utils.pivkit import Pivkit, carry_out, common_arguments

# The limit of pivkit for a manifest, and room for certificates.
MOST_BYTES = 1 << 30


def main():
    module = AnsibleModule(
        argument_spec=dict(
            # The action plugin has made src of slices.
            src=dict(type='path', required=True),
            slices=dict(type='path'),
            remote_src=dict(type='bool', default=False),
            manifest=dict(type='str', default='manifest.csv'),
            host=dict(type='str'),
            skip_problems=dict(type='bool', default=False),
            # Where the action plugin has put the files of src.
            _archive=dict(type='path'),
            **common_arguments()
        ),
        supports_check_mode=True,
    )
    wanted = module.params
    pivkit = Pivkit(module)
    # Only its owner can look into it.
    directory = tempfile.mkdtemp(prefix='pivkit-', dir=module.tmpdir)
    module.add_cleanup_file(directory)
    try:
        source = wanted['src']
        if not wanted['remote_src']:
            source = os.path.join(directory, 'source')
            unpack(module, wanted['_archive'], source)
        manifest = os.path.join(source, wanted['manifest'])
        if not os.path.isfile(manifest):
            module.fail_json(msg='There is no %s in %s.' % (wanted['manifest'], wanted['src']))
        carry_out(
            module,
            pivkit,
            directory,
            manifest,
            host=wanted['host'],
            skip_problems=wanted['skip_problems'],
        )
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def unpack(module, archive, directory):
    """Writes the regular files of an archive below a new directory, and nothing outside of it."""
    os.mkdir(directory, 0o700)
    left = MOST_BYTES
    with tarfile.open(archive) as files:
        for file in files:
            parts = file.name.split('/')
            left -= file.size
            if not file.isfile() or file.name.startswith('/') or '..' in parts or left < 0:
                module.fail_json(msg='%s of the transferred files is no plain file, or they are too large.' % file.name)
            path = os.path.join(directory, *parts)
            os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'wb') as copy:
                shutil.copyfileobj(files.extractfile(file), copy)


if __name__ == '__main__':
    main()
