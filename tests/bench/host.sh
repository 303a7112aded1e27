# shellcheck shell=sh
# In a world of its own (world.sh): makes it a host that its administrator reaches through ssh, and serves until it is killed.
#
#   sh host.sh DIRECTORY NAME ADDRESS [SSHD_TREE]
#
# DIRECTORY is the world's working directory; the key that may log in as root is in DIRECTORY/administrator.pub, and the key of
# this host is left in DIRECTORY/host_key.pub. SSHD_TREE holds a usr/ with OpenSSH's server, where the machine has none.
set -eu
directory=$1
name=$2
address=$3

ip address add "$address" dev eth0
ip link set eth0 up

# What pivkit and Ansible write outside of /etc, /home and /run lies in memory as well.
mkdir "$directory/memory/var" "$directory/memory/var-work"
mount -n -t overlay -o "lowerdir=/var,upperdir=$directory/memory/var,workdir=$directory/memory/var-work" overlay /var
[ $# -lt 4 ] || mount -n -t overlay -o "lowerdir=$4/usr:/usr" overlay /usr

echo "$name" >/etc/hostname
rm -f /etc/nologin
grep -q '^sshd:' /etc/passwd || echo 'sshd:x:4100:65534::/run/sshd:/usr/sbin/nologin' >>/etc/passwd
# No password, but not locked.
sed -i 's/^root:[^:]*:/root:*:/' /etc/shadow
mkdir -m 755 /run/sshd
mkdir -m 700 /run/host
cp "$directory/administrator.pub" /run/host/authorized_keys
ssh-keygen -q -t ed25519 -N '' -C "$name" -f /run/host/key
cp /run/host/key.pub "$directory/host_key.pub"
cat >/run/host/sshd_config <<END
HostKey /run/host/key
AuthorizedKeysFile /run/host/authorized_keys
AuthenticationMethods publickey
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
UsePAM no
PidFile none
END
exec "$(command -v sshd)" -D -e -f /run/host/sshd_config
