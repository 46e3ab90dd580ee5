#!/usr/bin/env bash
# Runs foreign gRPC clients against the built server, in an environment that is thrown away.
# Needs Python 3.10 or newer with venv, and a build (`npm run build`).
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
folder="$(mktemp -d)"
server=""
finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --quiet install -r "$here/requirements.txt"
MILLRACE_CACHE_FOLDER="$folder/cache" MILLRACE_LOG_FORMAT=json MILLRACE_LIMITS_DRAIN_DELAY_MS=0 \
  node "$root/bin/millrace.js" serve "$root/models/churn" --host 127.0.0.1 --port 0 \
  2>"$folder/log" &
server=$!
for _ in $(seq 300); do
  grep -q '"message":"serving"' "$folder/log" && break
  sleep 0.1
done
target="$(sed -n 's/.*"grpc":"\([^"]*\)".*"message":"serving".*/\1/p' "$folder/log")"
"$folder/venv/bin/python" "$here/grpc_clients.py" "$target"
