# SPDX-License-Identifier: MIT OR Apache-2.0
"""The controller's part of the module manifest: brings the files of src to the host, as one archive."""

import os
import tarfile
import tempfile

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Transfers in check mode as well: without the files nobody could say what would change."""

    # Not TRANSFERS_FILES: Ansible would make a directory on the host beforehand, which a task that is skipped does not need.
    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        arguments.pop('_archive', None)
        slices = arguments.pop('slices', None)
        if slices:
            if not arguments.get('host') or arguments.get('src'):
                raise AnsibleActionFail('slices needs host, and goes without src')
            source = slice_of(self._directory(slices), arguments['host'])
            if source is None:
                result.update(changed=False, skipped=True, skip_reason='%s has nothing for %s' % (slices, arguments['host']))
                return result
            arguments['src'] = source
        elif boolean(arguments.get('remote_src', False), strict=False) or not arguments.get('src'):
            result.update(self._on_host(arguments, task_vars))
            return result
        else:
            source = self._directory(arguments['src'])
        with tempfile.NamedTemporaryFile(prefix='pivkit-', suffix='.tar') as archive:
            pack(source, archive)
            directory = self._make_tmp_path()
            try:
                remote = self._connection._shell.join_path(self._connection._shell.tmpdir, 'source.tar')
                self._transfer_file(archive.name, remote)
                self._fixup_perms2((self._connection._shell.tmpdir, remote))
                result.update(self._on_host(dict(arguments, _archive=remote), task_vars))
            finally:
                self._remove_tmp_path(directory)
        return result

    def _directory(self, name):
        try:
            found = self._find_needle('files', name)
        except AnsibleError as error:
            raise AnsibleActionFail(str(error)) from error
        if not os.path.isdir(found):
            raise AnsibleActionFail('%s is no directory' % found)
        return found

    def _on_host(self, arguments, task_vars):
        return self._execute_module(module_name='pivkit.pairing.manifest', module_args=arguments, task_vars=task_vars)


def slice_of(slices, host):
    """The directory of a host. As in a manifest, a short name and the full name that begins with it are one host."""
    host = host.lower()
    names = [name for name in os.listdir(slices) if os.path.isdir(os.path.join(slices, name))]
    same = [name for name in names if name == host or name.startswith(host + '.') or host.startswith(name + '.')]
    found = [name for name in same if name == host] or same
    if len(found) > 1:
        raise AnsibleActionFail('%s could be any of %s in %s' % (host, ', '.join(sorted(found)), slices))
    return os.path.join(slices, found[0]) if found else None


def pack(source, archive):
    """Packs the regular files below a directory; links and everything else are left out."""
    with tarfile.open(fileobj=archive, mode='w') as files:
        for folder, folders, names in os.walk(source):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    files.add(path, arcname=os.path.relpath(path, source), recursive=False, filter=anonymous)
    archive.flush()


def anonymous(member):
    """Without the owner on the controller, who is nobody's business."""
    member.uid = member.gid = 0
    member.uname = member.gname = ''
    return member
