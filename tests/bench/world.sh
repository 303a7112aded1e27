# shellcheck shell=sh
# The first process of a world of its own: mount, network and process namespaces in which nothing of the machine changes.
#
#   unshare --mount --net --pid --fork --kill-child --mount-proc sh world.sh DIRECTORY [VISIBLE...] [-- COMMAND...]
#
# DIRECTORY is a working directory that both sides see; VISIBLE are directories that must stay visible below /home.
# READERS in the environment: "NAME:PORT" of each virtual reader, one a line. A reader has two slots, at PORT and PORT + 1.
# Runs COMMAND. Without one, prints "ready" and lives until its standard input ends. Everything in here ends with it.
set -eu
directory=$1
shift
visible=0
for word in "$@"; do
    [ "$word" != -- ] || break
    visible=$((visible + 1))
done

ip link set lo up

# What the world writes to lies in memory.
mkdir -p "$directory/memory"
mount -n -t tmpfs -o mode=755 memory "$directory/memory"
mkdir "$directory/memory/etc" "$directory/memory/work" "$directory/memory/visible"
mount -n -t overlay -o "lowerdir=/etc,upperdir=$directory/memory/etc,workdir=$directory/memory/work" overlay /etc
number=0
for path in "$@"; do
    [ "$number" -lt "$visible" ] || break
    number=$((number + 1))
    mkdir "$directory/memory/visible/$number"
    mount -n --bind "$path" "$directory/memory/visible/$number"
done
mount -n -t tmpfs -o mode=755 home /home
number=0
while [ "$number" -lt "$visible" ]; do
    number=$((number + 1))
    mkdir -p "$1"
    mount -n --bind "$directory/memory/visible/$number" "$1"
    shift
done
mount -n -t tmpfs -o mode=755 run /run
mkdir /run/pcscd /run/lock

# pcscd in here drives the virtual reader and nothing else: a real card in a real reader is none of our business.
mkdir "$directory/memory/drivers"
for library in /usr/lib*/pcsc/drivers/serial/libifdvpcd.so /usr/lib/*/pcsc/drivers/serial/libifdvpcd.so; do
    [ ! -e "$library" ] || cp -L "$library" "$directory/memory/drivers/libifdvpcd.so"
done
for drivers in /usr/lib*/pcsc/drivers /usr/lib/*/pcsc/drivers; do
    [ ! -d "$drivers" ] || mount -n -t tmpfs -o mode=755 drivers "$drivers"
done
mkdir -p /etc/reader.conf.d
rm -f /etc/reader.conf.d/*
if [ -e "$directory/memory/drivers/libifdvpcd.so" ]; then
    printf '%s\n' "${READERS:-Virtual PCD:35963}" | while IFS=: read -r name port; do
        # The driver keeps its slots in variables of its own: one copy for each reader.
        driver=$directory/memory/drivers/$port.so
        cp "$directory/memory/drivers/libifdvpcd.so" "$driver"
        port=$(printf '0x%X' "$port")
        printf 'FRIENDLYNAME "%s"\nDEVICENAME /dev/null:%s\nLIBPATH %s\nCHANNELID %s\n' "$name" "$port" "$driver" "$port"
    done >/etc/reader.conf.d/vpcd
fi

# Two people.
for person in alice:4001 bob:4002; do
    name=${person%:*}
    id=${person#*:}
    echo "$name:x:$id:$id:$name:/home/$name:/bin/sh" >>/etc/passwd
    echo "$name:x:$id:" >>/etc/group
    echo "$name:*:19000:0:99999:7:::" >>/etc/shadow
    mkdir -m 755 "/home/$name"
    chown "$id:$id" "/home/$name"
done

if [ $# -gt 0 ]; then
    shift
    exec "$@"
fi
echo ready
exec cat >/dev/null
