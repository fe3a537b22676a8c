#!/bin/sh
# A machine of its own: the programs of this one, an empty /etc and /var, systemd as process 1.
# Runs in new namespaces (machine.py).  $1: an empty folder; $2: the project; $3: the prefix of the
# interpreter; $4: the site-packages; $5: what becomes /etc; $6: the interpreter's name.
set -eu
root=$1

mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$root"
cd "$root"
mkdir -p dev etc home old opt/source opt/python opt/packages proc root run sys tmp usr var/lib var/log var/tmp
chmod 1777 tmp var/tmp
for link in bin sbin lib lib32 lib64; do
    if [ -L "/$link" ]; then cp -a "/$link" "$link"; fi
done
seen() { mount --bind "$1" "$2"; mount -o remount,bind,ro "$2"; }
seen /usr usr
seen "$2" opt/source
seen "$3" opt/python
seen "$4" opt/packages
cp -a "$5/." etc/
cp /etc/ld.so.cache etc/

mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
    : > "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd

# The installation of docs/operations.md: an environment in /opt, made of what is here.
bin=opt/message-gateway/bin
mkdir -p "$bin" opt/message-gateway/lib/python3.11/site-packages
echo "home = /opt/python/bin" > opt/message-gateway/pyvenv.cfg
ln -s "/opt/python/bin/$(basename "$6")" "$bin/python"
printf '%s\n' /opt/source /opt/source/plugins /opt/packages \
    > opt/message-gateway/lib/python3.11/site-packages/source.pth
printf '%s\n' '#!/opt/message-gateway/bin/python' 'import sys' 'from gateway.cli import main' \
    'sys.exit(main())' > "$bin/gateway"
chmod 755 "$bin/gateway"

# pivot_root and not chroot: credentials and PrivateUsers= need a real root.
pivot_root . old
umount -l /old
mount --make-rshared /      # as at every boot; what systemd mounts for a unit is passed on by it
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --unit=message-gateway.service
