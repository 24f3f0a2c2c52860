#!/usr/bin/env bash
# Check and measure training on this machine's GPU: the tests that need one, then benchmarks.run train-gpu, all sides in
# one go. A test that fails ends it: what computes something else is not worth measuring.
#
#   benchmarks/gpu.sh              peers as installed, or from their pins where the network allows
#   benchmarks/gpu.sh WHEELS       a machine without network: install every wheel of that folder beside what it has
#
# A machine that has torch, transformers, peft and accelerate needs wheels of: trl datasets pyarrow dill multiprocess
# xxhash (TRL); pydantic pydantic-core annotated-types typing-inspection (ours); pytest pytest-timeout pluggy iniconfig
# pygments (tests); liger-kernel (optional).
# PYTHON names the interpreter, python3 if unset. Results go to benchmarks/results.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

if ! "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
  echo "No CUDA device here: nothing was measured."
  exit 0
fi
if [ $# -gt 0 ]; then
  site=$(mktemp -d)
  trap 'rm -rf "$site"' EXIT
  "$python" -m pip install --quiet --no-index --no-deps --no-compile --target "$site" "$1"/*.whl
  export PYTHONPATH="$site${PYTHONPATH:+:$PYTHONPATH}"
fi
export PYTHONPATH="$PWD/src${PYTHONPATH:+:$PYTHONPATH}"
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || true
"$python" -m pytest -q -p no:cacheprovider tests/gpu
"$python" -m benchmarks.run train-gpu
