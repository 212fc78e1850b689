#!/usr/bin/env bash
# The time of a cell: what is said, not how long it took. Peers are scripts that answer as PyTorch
# would, or do not; the real ones run where they are installed (PEER_PYTHON: whose).
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

minimal_gated_unit >mgu.eddy
cat >>mgu.eddy <<'END_OF_CELL'
cell draws(x[D]) -> y {
    y = x * random(D)
}
cell plain(x[D]) -> y {
    y = tanh(x)
}
END_OF_CELL
"$eddy" bench mgu.eddy --cell mgu --set D=16,H=32 --length 8 --batch 4 --seconds 0.01 --nests 3 \
    --python '' >said || fault "it ends with $?"
number='[0-9.]+(e[-+][0-9]+)?'
[[ $(head -n 1 said) == 'mgu with D=16 H=32: 8 steps of 4 samples on 1 thread' ]] ||
    fault "the head is:" "$(head -n 1 said)"
for way in forward training; do
    holds said "^$way: $number ms a call, $number us a step of a sample, $number% of the roof\$"
done
[[ $(grep -cE "^ +$number% +$number%  (compute|L[123]|DRAM) +[^ ]+\$" said) == 6 ]] ||
    fault "not three nests twice:" "$(cat said)"
# What has no weights is not trained.
"$eddy" bench mgu.eddy --seconds 0 --python '' >said || fault "it ends with $?"
holds said '^plain with D=4: 64 steps of 16 samples on 1 thread$'
holds said '^forward: '
holds said '^training: the cell has no weights$'
"$eddy" bench --cell attention_decoder --seconds 0 --length 4 --python '' >said ||
    fault "another axis: it ends with $?"
refused "eddy: nothing to measure: a FILE, or --cell NAME of the library
Try 'eddy bench --help'." bench
refused "eddy: the library has no cell 'gruu'; did you mean 'gru'?" bench --cell gruu

# ---- peers that are none

few=(bench mgu.eddy --seconds 0 --length 8 --batch 4 --nests 0)
"$eddy" "${few[@]}" --python ./nobody >said || fault "no Python: it ends with $?"
holds said '^PyTorch: not run here: \./nobody: No such file or directory$'
holds said '^JAX: not run here: \./nobody: No such file or directory$'
"$eddy" "${few[@]}" --python false >said || fault "a Python that dies: it ends with $?"
holds said '^PyTorch: not run here: its process ended$'

# peer: PyTorch that answers a begin with these commands. The folder is $3.
peer() {
    printf '%s\n' '#!/bin/sh' \
        '[ "$2" = torch ] || { echo "missing No module named '"'jax'"'"; exit; }' \
        'echo "$3" >folder; echo "ready PyTorch 0.0"' \
        'while read -r word mode inputs results; do case $word in' \
        "begin) cp \"\$3/module.py\" . && echo \"\$mode \$inputs \$results\" >begun; $1;;" \
        'time) echo 0.005;;' 'esac; done' >peer
    chmod +x peer
}
peer 'echo "failed ValueError: no"'
status=0
"$eddy" "${few[@]}" --python ./peer >said || status=$?
[[ $status == 1 ]] || fault "a peer that fails: it ends with $status"
holds said "^JAX: not installed here: No module named 'jax'\$"
holds said '^  PyTorch 0\.0: it failed: ValueError: no$'
[[ $(cat begun) == 'forward x y' ]] || fault "it was asked: $(cat begun)"
diff module.py <("$eddy" show mgu.eddy --as torch) || fault "it runs something else"
[[ ! -e $(cat folder) ]] || fault "$(cat folder) is still there"
peer 'echo "gone away" >&2; exit 3'
"$eddy" "${few[@]}" --python ./peer >said && fault "a peer that dies is no fault"
holds said '^  PyTorch 0\.0: its process ended: gone away$'
peer 'echo begun'
"$eddy" "${few[@]}" --python ./peer >said && fault "a peer without results is no fault"
holds said '^  PyTorch 0\.0: it left no results that can be read$'
# One that never answers, and a user who does not wait: nothing is left behind.
rm -f folder begun
peer 'exec sleep 100'
"$eddy" "${few[@]}" --python ./peer >said 2>&1 &
process=$! status=0
until [[ -e begun ]] || ! kill -0 "$process" 2>/dev/null; do
    sleep 0.05
done
kill -s TERM "$process" || fault "it did not wait for its peer"
wait "$process" 2>/dev/null || status=$?
[[ $status == 143 ]] || fault "SIGTERM: it ends with $status"
[[ ! -e $(cat folder) ]] || fault "$(cat folder) is still there after SIGTERM"
peer 'echo begun'
"$eddy" "${few[@]}" --cell draws --python ./peer >said || fault "it ends with $?"
holds said '^  PyTorch 0\.0: not run: mgu\.eddy:10: `random` has no counterpart$'

# Results that are all 0.
if command -v python3 >/dev/null; then
    python3 - <<'END'
import zipfile
with zipfile.ZipFile("zeros.npz", "w") as archive:
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (128,), }".ljust(117) + "\n"
    header = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    archive.writestr("output y.npy", header + bytes(512))
END
    peer 'cp zeros.npz "$3/found.npz"; echo begun'
    status=0
    "$eddy" "${few[@]}" --python ./peer >said || status=$?
    [[ $status == 1 ]] || fault "wrong results: it ends with $status" "$(cat said)"
    holds said "^  PyTorch 0\\.0: 5 ms a call, $number times ours; WRONG: output y differs by 1\$"
else
    echo "a peer with wrong results: not run here"
fi

# ---- those that are installed

python=${PEER_PYTHON:-python3}
for module in torch jax; do
    name=$([[ $module == jax ]] && echo JAX || echo PyTorch)
    if ! "$python" -c "import numpy, $module" 2>/dev/null; then
        echo "$name: not run here"
        continue
    fi
    for cell in lstm delay_network attention_decoder turing_memory; do
        "$eddy" bench --cell "$cell" --length 8 --batch 4 --seconds 0 --nests 0 \
            --python "$python" >said || fault "$cell: it ends with $?" "$(cat said)"
        [[ $(grep -cE "^  $name [0-9.+a-z]+: $number ms a call, $number times ours; results differ \
by $number\$" said) == 2 ]] || fault "$cell with $name:" "$(cat said)"
    done
done
finish
