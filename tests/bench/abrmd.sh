#!/bin/sh
# SPDX-License-Identifier: MIT
#
# abrmd.sh COMMAND...: run it beside the userspace resource manager, which has the
# TPM for itself meanwhile. A program reaches it by TCTI tabrmd:bus_type=session.
set -eu

if [ -z "${DBUS_SESSION_BUS_ADDRESS-}" ]; then
	exec dbus-run-session -- "$0" "$@"
fi

tpm2-abrmd --allow-root --session --tcti=device:/dev/tpm0 >/dev/null 2>&1 &
manager=$!
until dbus-send --session --print-reply --dest=org.freedesktop.DBus / \
	org.freedesktop.DBus.NameHasOwner string:com.intel.tss2.Tabrmd |
	grep -q 'boolean true'; do
	kill -0 $manager # it ended: nothing to wait for
done
status=0
"$@" || status=$?
kill $manager
wait $manager || true
exit $status
