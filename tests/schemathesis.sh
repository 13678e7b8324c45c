#!/usr/bin/env bash
# Tests the running program against its own OpenAPI document with generated requests (schemathesis): no answer of
# 500 and above, none that the document does not know.
#
#   tests/schemathesis.sh [schemathesis options]
#
# REEVE_FULL=1 makes about ten times as many requests. REEVE_BINARY names a binary that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."

version=4.32.5
target=${CARGO_TARGET_DIR:-target}
venv=$target/schemathesis-$version
examples=${REEVE_FULL:+600}
examples=${examples:-60}

if [ ! -x "$venv/bin/st" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version" openapi-spec-validator
fi
if [ -z "${REEVE_BINARY:-}" ]; then
  cargo build --locked
  REEVE_BINARY=$target/debug/reeve
fi

work=$(mktemp -d)
server=
stop() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT

export REEVE_DATA_DIR=$work/data REEVE_SERVER_LISTEN=127.0.0.1:0
# Many requests are the point here.
export REEVE_LIMITS_REQUESTS_PER_MINUTE=100000000 REEVE_LIMITS_ANONYMOUS_REQUESTS_PER_MINUTE=100000000
export REEVE_LIMITS_LOGINS_PER_MINUTE=100000000 REEVE_LIMITS_LOGINS_PER_ACCOUNT_PER_HOUR=100000000
# Access tokens must outlive the run.
export REEVE_AUTH_ACCESS_TOKEN_MS=86400000

password=$(head -c 24 /dev/urandom | base64)
printf '%s\n' "$password" | "$REEVE_BINARY" setup --org Mill --email owner@mill.test >/dev/null
"$REEVE_BINARY" serve >"$work/out" 2>"$work/log" &
server=$!
base=
for _ in $(seq 200); do
  base=$(grep -o 'http://[0-9.:]*' "$work/out" 2>/dev/null | head -1) && [ -n "$base" ] && break
  kill -0 "$server" || { cat "$work/log" >&2; exit 1; }
  sleep 0.05
done
[ -n "$base" ] || { echo "the server did not say where it is" >&2; exit 1; }

body=$(python3 -c 'import json,sys; print(json.dumps({"email": "owner@mill.test", "password": sys.argv[1]}))' "$password")
token=$(curl -sf "$base/api/auth/login" -H 'Content-Type: application/json' -d "$body" |
  python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])')
curl -sf "$base/api/openapi.json" >"$work/openapi.json"
"$venv/bin/python" -m openapi_spec_validator "$work/openapi.json"

# Calls that would end the very session that the requests are made with are left out.
status=0
"$venv/bin/st" run "$work/openapi.json" --url "$base" \
  -H "Authorization: Bearer $token" \
  --max-examples "$examples" --workers 2 --seed "${REEVE_SEED:-1}" --request-timeout 30 --no-color \
  --suppress-health-check all \
  --exclude-checks positive_data_acceptance,negative_data_rejection,missing_required_header,ignored_auth \
  --exclude-path-regex '^/api/auth/logout|^/api/users/me$|^/api/org$|/events$|/stream$|^/api/org/members/' \
  "$@" || status=$?

if grep -q '"a panic' "$work/log" || grep -q 'panicked' "$work/log"; then
  echo "a handler panicked:" >&2
  grep -m 5 -E 'panic' "$work/log" >&2
  status=1
fi
if grep -q 'failed on our side' "$work/log"; then
  grep -m 5 'failed on our side' "$work/log" >&2
  status=1
fi
kill -0 "$server" || { echo "the server did not survive" >&2; status=1; }
exit "$status"
