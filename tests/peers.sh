#!/usr/bin/env bash
# The tests against real servers: n8n for the webhook agent, LiteLLM for the openai agent, LangServe for the langchain
# agent. REEVE_PEERS names the folder with n8n.sh, litellm.sh and langserve.sh, each called with a port and a work
# folder, which print BASE_URL and a key, and stop.sh, which ends what was started with a work folder.
set -euo pipefail
: "${REEVE_PEERS:?set REEVE_PEERS to the folder that holds n8n.sh, litellm.sh, langserve.sh and stop.sh}"
peers=$(cd "$REEVE_PEERS" && pwd)
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap '"$peers/stop.sh" "$work" || true; rm -rf "$work"' EXIT

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

start() { # NAME: sets BASE_URL and the peer's key, or ends here
  local said
  said=$("$peers/$1.sh" "$(free_port)" "$work")
  eval "$said"
}

start n8n
export REEVE_PEER_N8N=$BASE_URL
start litellm
export REEVE_PEER_LITELLM=$BASE_URL REEVE_PEER_LITELLM_KEY=$LITELLM_API_KEY
PEER_API_KEY=a-key-of-the-test start langserve
export REEVE_PEER_LANGSERVE=$BASE_URL REEVE_PEER_LANGSERVE_KEY=a-key-of-the-test

cargo test --locked --test it -- --ignored peers::
