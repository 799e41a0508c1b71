#!/bin/sh
# make.sh OUT.tar WORK: a root file system with the Python of this Debian, out of
# its packages. No registry is asked, no maintainer script is run, and what is
# made of the same packages has the same bytes. WORK is an empty directory; if
# $DEBS names one with packages, those are taken and none is downloaded.
# It needs apt-get, dpkg-deb and GNU tar, and chroot to compile Python's library
# (only root can): without it everything works, and starts more slowly.
set -eu
export LC_ALL=C
out=$1 work=$2
root=$work/root debs=${DEBS:-$work/debs}
mkdir -p "$root" "$work/debs"

if [ -z "${DEBS:-}" ]; then
	v=$(apt-cache show --no-all-versions python3 | sed -n 's/^Depends: .*python3\.\([0-9]*\) .*/\1/p')
	[ -n "$v" ] || { echo "the package lists have no python3; run apt-get update" >&2; exit 1; }
	# What wheels may expect of any system (PEP 513), what Python's own modules
	# need, and what builds and installs.
	wanted="libc6 zlib1g libgcc-s1 libstdc++6 libgomp1 libexpat1 libssl3 libssl3t64 libffi8 libbz2-1.0 liblzma5 libuuid1 libcrypt1
		libsqlite3-0 libreadline8 libreadline8t64 libncursesw6 libtinfo6 python3.$v-minimal libpython3.$v-minimal libpython3.$v-stdlib python3.$v-venv
		python3-pip-whl python3-setuptools-whl python3-wheel-whl dash"
	there=$(apt-cache pkgnames | sort)
	list=
	for p in $wanted; do
		if printf '%s\n' "$there" | grep -qxF "$p" && [ -n "$(apt-cache show --no-all-versions "$p" 2>/dev/null)" ]; then list="$list $p"; fi
	done
	(cd "$debs" && apt-get -qq -o APT::Sandbox::User=root download $list)
fi

for d in bin sbin lib lib64; do mkdir -p "$root/usr/$d"; ln -s "usr/$d" "$root/$d"; done
for f in "$debs"/*.deb; do
	dpkg-deb --fsys-tarfile "$f" | tar -C "$root" -x --keep-directory-symlink --no-same-owner \
		--exclude='./usr/share/man' --exclude='./usr/share/doc/*' --exclude='./usr/share/locale' --exclude='./usr/lib/*/gconv' \
		--exclude='./usr/share/lintian' --exclude='./usr/share/info' --exclude='./usr/share/binfmts' --exclude='./usr/share/applications' --exclude='./usr/share/pixmaps'
done
lib=$(echo "$root"/usr/lib/python3.[0-9]*)
python=$(basename "$lib")
ln -sf "$python" "$root/usr/bin/python3"
ln -sf dash "$root/usr/bin/sh"
for d in tmp proc sys dev etc root run in opt/py; do mkdir -p "$root/$d"; done
chmod 1777 "$root/tmp"
printf 'root:x:0:0:root:/root:/bin/sh\nsolver:x:65532:65532::/tmp:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nsolver:x:65532:\n' >"$root/etc/group"
for f in /etc/os-release /usr/lib/os-release; do
	if [ -e "$f" ]; then cat "$f" >"$root/etc/os-release"; break; fi
done
rm -rf "$lib/idlelib" "$lib/lib2to3/tests" "$lib/turtledemo" "$lib/pydoc_data" "$lib/test" "$lib/EXTERNALLY-MANAGED"

# pip, setuptools and wheel lie in wheels, which start slowly: unpacked.
packages=$root/usr/lib/python3/dist-packages
mkdir -p "$packages"
if [ "$(id -u)" = 0 ]; then
	for w in "$root"/usr/share/python-wheels/*.whl; do
		chroot "$root" /usr/bin/python3 -I -S -B -m zipfile -e "/usr/share/python-wheels/$(basename "$w")" /usr/lib/python3/dist-packages/
	done
	rm -rf "$packages"/setuptools/tests "$packages"/setuptools/*.exe "$packages"/pip/_vendor/distlib/*.exe
	PYTHONHASHSEED=0 chroot "$root" /usr/bin/python3 -S -B -m compileall -q --invalidation-mode unchecked-hash "/usr/lib/$python" /usr/lib/python3/dist-packages
else
	for w in "$root"/usr/share/python-wheels/*.whl; do
		python3 -m zipfile -e "$w" "$packages"
	done
fi
rm -rf "$root/usr/share/python-wheels"
tar -C "$root" --sort=name --mtime=@0 --numeric-owner --owner=0 --group=0 --format=gnu -cf "$out" .
