#!/usr/bin/env bash
# Start Ray by hand on machines that share a home and a network you trust:
#     cluster/ray.sh head                      on the first machine; prints its address
#     cluster/ray.sh worker ADDRESS            on each of the others
#     RAY_AUTH_MODE=token RAY_ADDRESS=ADDRESS emoface prepare CORPUS --engine ray
#     cluster/ray.sh stop                      on each, at the end
# The project with its extra must be installed at the same place everywhere:
#     pip install -e '.[ray]'
set -euo pipefail

RAY=${RAY:-ray}
PORT=${PORT:-6379}
export OMP_NUM_THREADS=1             # every worker computes in one thread
export RAY_raylet_start_wait_time_s=120 # a busy machine needs that long to start
export RAY_AUTH_MODE=token           # of ~/.ray/auth_token; who has none can't connect

case "${1:-}" in
head)
    "$RAY" get-auth-token --generate >/dev/null
    address=$(hostname -I | awk '{print $1}')
    "$RAY" start --head --node-ip-address "$address" --port "$PORT" \
        --include-dashboard=false --disable-usage-stats
    echo "RAY_AUTH_MODE=token RAY_ADDRESS=$address:$PORT"
    ;;
worker)
    "$RAY" start --address "${2:?the address that the head printed}" \
        --disable-usage-stats
    ;;
stop)
    "$RAY" stop
    ;;
*)
    grep '^#  ' "$0" | cut -c3-
    exit 2
    ;;
esac
