#!/usr/bin/env bash
# Prepare a corpus by Ray, or train on one by Lightning Fabric, on the nodes of a Slurm job:
#     sbatch --nodes 8 --cpus-per-task 32 cluster/slurm.sh prepare /data/vox --out runs/vox
#     sbatch --nodes 2 --ntasks-per-node 4 --gpus-per-node 4 \
#         cluster/slurm.sh train -p corpus=vox --step 1 --step 2 --step 3
# Whatever follows the script's name goes to `emoface`; to train, there is a task for each
# GPU. A job that is stopped by its time limit is submitted again as it was; it goes on
# where it stopped.
# Without Ray, an array of jobs does the same, a shard each; the last line gathers:
#     sbatch --array 1-8 --cpus-per-task 32 --wrap \
#         'emoface prepare /data/voxceleb2 --out runs/vox --shard $SLURM_ARRAY_TASK_ID/8'
#     emoface prepare /data/voxceleb2 --out runs/vox
#SBATCH --job-name=emoface
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --output=%x-%j.log
set -euo pipefail

BIN=${BIN:-$SLURM_SUBMIT_DIR/.venv/bin}
PORT=${PORT:-6379}
export OMP_NUM_THREADS=1             # every worker computes in one thread

if [ "$1" = train ]; then # Fabric finds Slurm's tasks by itself
    exec srun --kill-on-bad-exit "$BIN/emoface" "$@" \
        --devices "$SLURM_NTASKS_PER_NODE" --nodes "$SLURM_JOB_NUM_NODES"
fi

export RAY_raylet_start_wait_time_s=120 # a busy node needs that long to start
export RAY_AUTH_MODE=token           # of ~/.ray/auth_token, which all nodes see
"$BIN/ray" get-auth-token --generate >/dev/null

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
address=$(srun --nodes 1 --ntasks 1 --nodelist "$head" hostname -I | awk '{print $1}')
gpus=${SLURM_GPUS_ON_NODE:-0}

start() { # NODE OPTIONS...: Ray on a node, until the job ends
    local node=$1
    shift
    srun --nodes 1 --ntasks 1 --overlap --nodelist "$node" \
        "$BIN/ray" start --block --disable-usage-stats \
        --num-cpus "$SLURM_CPUS_PER_TASK" --num-gpus "$gpus" "$@" &
}

start "$head" --head --node-ip-address "$address" --port "$PORT" \
    --include-dashboard=false
export RAY_ADDRESS=$address:$PORT
until "$BIN/ray" status >/dev/null 2>&1; do sleep 5; done
for node in "${nodes[@]:1}"; do
    start "$node" --address "$RAY_ADDRESS"
done

"$BIN/emoface" "$@" --engine ray
