#!/usr/bin/env bash
# Tests the running program against its own OpenAPI document with generated requests (schemathesis): no answer of
# 500 and above, none that the document does not know.
#
#   tests/schemathesis.sh [schemathesis options]
#
# REEVE_FULL=1 makes about ten times as many requests. BINARY names a binary that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."

version=4.32.5
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
venv=$target/schemathesis-$version
examples=${REEVE_FULL:+1200}
examples=${examples:-120}

if [ ! -x "$venv/bin/st" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version" openapi-spec-validator
fi
if [ -z "${BINARY:-}" ]; then
  cargo build --locked
  BINARY=$target/debug/reeve
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
printf '%s\n' "$password" | "$BINARY" setup --org Mill --email owner@mill.test >/dev/null
"$BINARY" serve >"$work/out" 2>"$work/log" &
server=$!
base=
for _ in $(seq 200); do
  base=$(grep -o 'http://[0-9.:]*' "$work/out" 2>/dev/null | head -1) && [ -n "$base" ] && break
  kill -0 "$server" || { cat "$work/log" >&2; exit 1; }
  sleep 0.05
done
[ -n "$base" ] || { echo "the server did not say where it is" >&2; exit 1; }

# A key instead of the log-in, because some calls end sessions; an agent and a run for the calls that need one,
# and another agent for the calls that end agents.
"$venv/bin/python" - "$base" "$password" "$work" <<'PYTHON'
import json, re, sys, urllib.request
base, password, work = sys.argv[1:]

def call(method, path, body=None, token=None):
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data=data, headers=headers, method=method)
    return json.load(urllib.request.urlopen(request))

document = call("GET", "/api/openapi.json")
json.dump(document, open(f"{work}/openapi.json", "w"))
scopes = sorted(set(re.findall(r"the scope `([a-z_]+:[a-z_]+)`", json.dumps(document))))
session = call("POST", "/api/auth/login", {"email": "owner@mill.test", "password": password})["access_token"]
token = call("POST", "/api/api-keys", {"name": "generated requests", "scopes": scopes}, session)["secret"]
templates = call("GET", "/api/agent-templates", token=token)["items"]
template = next(it for it in templates if it["complete"] and it["samples"])
for slug in ["kept", "spent"]:
    call("POST", "/api/agents/from-template", {"template": template["template"], "name": slug, "slug": slug}, token)
agent = call("GET", "/api/agents/kept", token=token)
version = agent["current_version"]
call("POST", f"/api/agents/kept/versions/{version}/publish", {}, token)
run = call("POST", "/api/agents/kept/execute", {"input": template["samples"][0]["input"], "wait_ms": 5000}, token)
endings = ["DELETE /api/agents/{agent}"] + [f"POST /api/agents/{{agent}}/{it}" for it in ["archive", "deprecate", "disable"]]
config = f"""
[parameters]
"path.agent" = "kept"
"path.execution" = "{run['id']}"
"path.version" = "{version}"
"""
for ending in endings:
    config += f"""
[[operations]]
include-name = "{ending}"
parameters = {{ "path.agent" = "spent" }}
"""
open(f"{work}/schemathesis.toml", "w").write(config)
open(f"{work}/token", "w").write(token)
PYTHON
token=$(cat "$work/token")
"$venv/bin/python" -m openapi_spec_validator "$work/openapi.json"

# Lines of JSON, for which the tool has no form, are text to it.
cat >"$work/hooks.py" <<'PYTHON'
import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
PYTHON
export SCHEMATHESIS_HOOKS=$work/hooks.py

# What it keeps between runs goes with the folder.
cd "$work"
# One worker: Python 3.11's own compiler trips over a second thread now and then.
# Streams do not end; set-up and log-out have their own tests.
status=0
"$venv/bin/st" --config-file "$work/schemathesis.toml" run "$work/openapi.json" --url "$base" \
  -H "Authorization: Bearer $token" \
  --max-examples "$examples" --seed "${SEED:-1}" --request-timeout 30 --no-color \
  --suppress-health-check all --generation-with-security-parameters false \
  --exclude-checks positive_data_acceptance,negative_data_rejection,missing_required_header,ignored_auth \
  --exclude-path-regex '^/api/auth/logout|/events$|/stream$' \
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
