#!/bin/sh
# Debian packages that only some tests need. Installed when this user may and apt-get is there;
# otherwise the tests that need them say that they were skipped, and why.
set -u
missing=""
command -v mosquitto >/dev/null 2>&1 || [ -x /usr/sbin/mosquitto ] || missing="$missing mosquitto"
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
for program in strace curl sqlite3 openssl; do
    command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
done
command -v sipp >/dev/null 2>&1 || missing="$missing sip-tester"
command -v mosquitto_pub >/dev/null 2>&1 || missing="$missing mosquitto-clients"
for program in gammu gammu-smsd; do
    command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "Not installed:$missing. Tests that need them are skipped; to run them: apt-get install$missing"
    exit 0
fi
echo "Installing for some tests:$missing"
export DEBIAN_FRONTEND=noninteractive
# A broker that starts by itself is not wanted: the tests start their own.
policy=/usr/sbin/policy-rc.d
made=""
[ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod +x "$policy" && made=yes; }
{ apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >/dev/null 2>&1 ||
    echo "Could not install$missing: tests that need them are skipped."
[ -n "$made" ] && rm -f "$policy"
exit 0
