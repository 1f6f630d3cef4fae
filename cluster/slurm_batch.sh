#!/usr/bin/env bash
# Run a sweep on the nodes of a Slurm cluster, a share of the runs in each task:
#     sbatch --array 1-8 --cpus-per-task 16 --mem 64G cluster/slurm_batch.sh sweeps/features.yml
#     emoface batch status sweeps/features.yml --watch      # on the login node
#     emoface batch collect sweeps/features.yml
# Whatever follows the script's name goes to `emoface batch run`. The runs' folder,
# runs/batch or EMOFACE_RUNS, must be on a file system that all nodes see; a run that two
# tasks need is made by one, and the other waits. An array that is stopped by its time
# limit is submitted again as it was; it goes on where it stopped.
#SBATCH --job-name=emoface-batch
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=16
#SBATCH --output=%x-%A-%a.log
set -euo pipefail

BIN=${BIN:-$SLURM_SUBMIT_DIR/.venv/bin}
export OMP_NUM_THREADS=1 # every run computes in one thread
shard=${SLURM_ARRAY_TASK_ID:-1}/${SLURM_ARRAY_TASK_MAX:-1}

# as many at a time as cores and memory allow, or WORKERS
exec "$BIN/emoface" batch run "$@" --shard "$shard" ${WORKERS:+--workers "$WORKERS"}
