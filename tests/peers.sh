#!/usr/bin/env bash
# The tests against real servers: n8n for the webhook agent, LiteLLM for the openai agent. REEVE_PEERS names the
# folder with n8n.sh and litellm.sh, each called with a port and a work folder; they print BASE_URL and a key.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${REEVE_PEERS:?set REEVE_PEERS to the folder that holds n8n.sh and litellm.sh}"

work=$(mktemp -d)
trap '"$REEVE_PEERS/stop.sh" "$work" || true; rm -rf "$work"' EXIT

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

eval "$("$REEVE_PEERS/n8n.sh" "$(free_port)" "$work")"
export REEVE_PEER_N8N=$BASE_URL
eval "$("$REEVE_PEERS/litellm.sh" "$(free_port)" "$work")"
export REEVE_PEER_LITELLM=$BASE_URL REEVE_PEER_LITELLM_KEY=$LITELLM_API_KEY

cargo test --locked --test it -- --ignored peers::
