#!/usr/bin/env bash
# Mistakes as people make them when they copy a paper, one a cell. `eddy check` finds each, and says
# at which line.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

count=0
# finds KIND LINE PATTERN <cell: the answer has a line of this kind about this line of the file.
finds() {
    cat >planted.eddy
    local status=0 wanted=0
    "$eddy" check planted.eddy --cell planted >planted.out 2>planted.err || status=$?
    ! grep -q '^  FAULT' planted.out || wanted=1
    [[ $status == "$wanted" && ($1 != FAULT || $status == 1) ]] ||
        fault "status $status:" "$(cat planted.eddy planted.err)"
    grep -qE -- "^  $1 +planted.eddy:$2: $3" planted.out ||
        fault "not found: $1 at line $2: $3" "$(cat -n planted.eddy)" "$(cat planted.out)"
    count=$((count + 1))
}

# ---- gradients of one's own

# The sign.
finds FAULT 3 'the gradient by x is ' <<'END_OF_CELL'
cell planted(x[D]) -> y {
    y = exp(-x^2)
    adjoint x = 2*x*y*dy
}
END_OF_CELL
# Those of two inputs, exchanged.
finds FAULT 3 'the gradient by a is ' <<'END_OF_CELL'
cell planted(a[D], b[D]) -> y {
    y = a * sin(b)
    adjoint a = dy*a*cos(b)
    adjoint b = dy*sin(b)
}
END_OF_CELL
# A factor of the chain rule is missing, in a cell that another one uses.
finds FAULT 7 'the gradient by W is ' <<'END_OF_CELL'
cell bent(x[D]) -> y {
    y = tanh(2*x)
    adjoint x = dy*(1 - y^2)
}
cell planted(x[D]) -> h {
    state h[H]
    param W[H, D], U[H, H] = orthogonal
    h' = bent(W@x + U@h)
}
END_OF_CELL
# The same beside a spike, whose gradient is a surrogate.
finds FAULT 7 'the gradient by W is ' <<'END_OF_CELL'
cell bent(x[D]) -> y {
    y = tanh(2*x)
    adjoint x = dy*(1 - y^2)
}
cell planted(x[D]) -> s {
    state s, v [H]
    param W[H, D]
    v' = 0.9*v + bent(W@x) - s
    s' = spike(v' - 1)
}
END_OF_CELL
# A gradient is stopped on one of two ways.
finds FAULT 3 'the gradient by U is ' <<'END_OF_CELL'
cell planted(x[D]) -> h {
    state h[H]
    param W[H, D], U[H, H] = orthogonal
    h' = tanh(W@x + U@h) * stop(sigmoid(U@h))
}
END_OF_CELL

# ---- old and new values

# An LSTM that gives out the memory of the step before.
finds warning 7 "reads c, the value before the step, behind line 6, which gives c'" <<'END_OF_CELL'
cell planted(x[D]) -> h, c {
    state h, c [H]
    param W{i, f, g, o}[H, D], U{i, f, g, o}[H, H] = orthogonal, b{i, f, g, o}[H]
    i, f, o = sigmoid(W@x + U@h + b)
    g = tanh(W@x + U@h + b)
    c' = f*c + i*g
    h' = o*tanh(c)
}
END_OF_CELL
# Oscillators whose places move by the old speeds.
finds warning 5 "reads z, the value before the step, behind line 4, which gives z'" <<'END_OF_CELL'
cell planted(x[D], dt = 0.1) -> h {
    state h, z [H]
    param W[H, H] = orthogonal, Q[H, D]
    z' = z + dt*(tanh(W@h + Q@x) - h - z)
    h' = h + dt*z
}
END_OF_CELL

# ---- what cannot learn

# A gate that is computed and left out.
finds warning 3 'no result depends on the parameter Wo' <<'END_OF_CELL'
cell planted(x[D]) -> h {
    state h[H]
    param W{f, o}[H, D], V[H, D]
    f, o = sigmoid(W@x)
    h' = f*h + (1 - f)*tanh(V@x)
}
END_OF_CELL
# A gate that is a step.
finds warning 4 'the gradient by b is 0 everywhere' <<'END_OF_CELL'
cell planted(x[D]) -> h {
    state h[H]
    param W[H, D]
    param b[H]
    f = where(b > 0, 0.9, 0.5)
    h' = f*h + tanh(W@x)
}
END_OF_CELL
# Units that never open.
finds warning 3 'the gradient by W is 0 everywhere' <<'END_OF_CELL'
cell planted(x[D]) -> h {
    state h[H]
    param W[H, D] = normal(0.1)
    h' = 0.5*h + relu(W@x - 20)
}
END_OF_CELL
# A memory whose rows begin alike, with weights that are alike: they stay so, and no key is learned.
finds warning 3 'the gradient by K is 0 everywhere but for rounding, [0-9]e-[0-9]+ of the largest' \
    <<'END_OF_CELL'
cell planted(x[D]) -> y {
    state M[6, W] = 0.1
    param K[W, D]
    param A[W, D]
    w = softmax(M@(K@x))
    M' = M + outer(w, tanh(A@x))
    y = w@M'
}
END_OF_CELL
# Weights that are too large from the start.
finds warning 4 'n begins saturated: [0-9]+% of its values are outside \(-0.98, 0.98\)' \
    <<'END_OF_CELL'
cell planted(x[D]) -> h {
    state h[H]
    param W[H, D] = normal(30), U[H, H] = orthogonal
    n = tanh(W@x + U@h)
    h' = 0.5*h + 0.5*n
}
END_OF_CELL
# A forget gate that begins shut, by the sign of its bias.
finds warning 4 'f begins saturated: 100% of its values are outside \(0.01, 0.99\)' <<'END_OF_CELL'
cell planted(x[D]) -> h {
    state h[H]
    param W[H, D], V[H, D], b[H] = -12
    f = sigmoid(V@x + b)
    h' = f*h + tanh(W@x)
}
END_OF_CELL

# ---- memory

finds warning 2 'the state h forgets: ' <<'END_OF_CELL'
cell planted(x[D], rate = 0.95) -> h {
    state h[H]
    param W[H, D]
    h' = (1 - rate)^2*h + rate*tanh(W@x)
}
END_OF_CELL
finds warning 2 'the gradient by the state h explodes: ' <<'END_OF_CELL'
cell planted(x[D]) -> h {
    state h[H]
    param W[H, D], U[H, H] = orthogonal
    h' = W@x + 2*U@h
}
END_OF_CELL
finds warning 2 'no result depends on the state c' <<'END_OF_CELL'
cell planted(x[D]) -> h {
    state h, c [H]
    param W[H, D], U[H, H] = orthogonal
    h' = tanh(W@x + U@h)
    c' = 0.9*c + h'
}
END_OF_CELL

# ---- numbers

# A softmax without its maximum.
finds warning 4 'exp, e is not finite when inputs are a hundred times as large as usual' \
    <<'END_OF_CELL'
cell planted(x[D]) -> y {
    param W[K, D]
    z = W@x
    e = exp(z)
    y = e / sum(e)
}
END_OF_CELL
# What is kept and what comes in have squares that sum to 1: its gradient where the gate is shut.
finds warning 5 'the gradient by [a-zA-Z]+ is not finite when inputs are a hundred times as large' \
    <<'END_OF_CELL'
cell planted(x[D]) -> h {
    state h[H]
    param V[H, D], W[H, D]
    f = sigmoid(V@x)
    h' = f*h + sqrt(1 - f^2)*(W@x)
}
END_OF_CELL
# Division by a difference.
finds warning 3 'y divides by what is above 0 in [0-9]+ places and below in [0-9]+' <<'END_OF_CELL'
cell planted(x[D], m[D]) -> y {
    d = x - m
    y = 1 / d
}
END_OF_CELL
# A length of 1 out of a state that begins at 0.
finds warning 4 'div, unit is not finite on inputs of the usual size' <<'END_OF_CELL'
cell planted(x[D]) -> h {
    state h[H]
    param W[H, D]
    unit = h / sqrt(h@h)
    h' = tanh(W@x + unit)
}
END_OF_CELL
# The logarithm of what may be below 0.
finds warning 3 'log, y is not finite on inputs of the usual size' <<'END_OF_CELL'
cell planted(x[D]) -> y {
    param W[H, D]
    y = log(W@x)
}
END_OF_CELL

# ---- by another hand, when the checker was finished

# A matrix that is not transposed on the way back, in a layer of one's own.
finds FAULT 6 'the gradient by x is ' <<'END_OF_CELL'
cell layer(x[D], W[D, D]) -> y {
    y = W@x
    adjoint x = W@dy
    adjoint W = outer(dy, x)
}
cell planted(x[D]) -> h {
    state h[D]
    param W[D, D]
    h' = tanh(layer(x, W) + h)
}
END_OF_CELL
# What was broadcast is a sum on the way back, not a mean.
finds FAULT 3 'the gradient by a is ' <<'END_OF_CELL'
cell planted(x[D], a) -> y {
    y = a*x
    adjoint a = mean(dy*x)
    adjoint x = a*dy
}
END_OF_CELL
# A sign in the rule of the quotient.
finds FAULT 4 'the gradient by b is ' <<'END_OF_CELL'
cell planted(a[D], b[D]) -> y {
    y = a / (1 + b^2)
    adjoint a = dy/(1 + b^2)
    adjoint b = dy*2*a*b/(1 + b^2)^2
}
END_OF_CELL
# A straight-through estimator that is said to be the derivative.
finds FAULT 6 'the gradient by W is [-0-9.]+ along a direction in which nothing changes' \
    <<'END_OF_CELL'
cell rounded(x[D]) -> y {
    y = floor(x + 0.5)
    adjoint x = dy
}
cell planted(x[D]) -> y {
    param W[H, D]
    y = rounded(W@x)
}
END_OF_CELL
# Euler's rule with a step that is too long.
finds warning 2 'the gradient by the state h explodes: ' <<'END_OF_CELL'
cell planted(x[D], dt = 5) -> h {
    state h[H]
    param W[H, D]
    h' = h + dt*(W@x - h)
}
END_OF_CELL
# A rate of decay without its sign.
finds warning 2 'the gradient by the state h explodes: ' <<'END_OF_CELL'
cell planted(x[D]) -> h {
    state h[H]
    param W[H, D], rate[H] = 1
    h' = exp(rate)*h + W@x
}
END_OF_CELL
# The length of a state that begins at 0, and is centred.
finds warning 5 'div is not finite on inputs of the usual size' <<'END_OF_CELL'
cell planted(x[D]) -> h {
    state h[H]
    param W[H, D]
    c = h - mean(h)
    h' = tanh(W@x + c/sqrt(mean(c^2)))
}
END_OF_CELL
# A softplus by hand.
finds warning 4 'exp is not finite when inputs are a hundred times as large' <<'END_OF_CELL'
cell planted(x[D]) -> h {
    state h[H]
    param W[H, D], V[H, D]
    dt = log(1 + exp(V@x))
    h' = exp(-dt)*h + dt*(W@x)
}
END_OF_CELL
# Attention by hand.
finds warning 3 'exp, e is not finite when inputs are a hundred times as large' <<'END_OF_CELL'
cell planted(x[D], m[M] over s) -> y {
    param K[M, D]
    e = exp(m@(K@x))
    y = sum(e*m, s) / sum(e, s)
}
END_OF_CELL
# The logarithm of a gate that shuts.
finds warning 3 'log, y is not finite when inputs are a hundred times as large' <<'END_OF_CELL'
cell planted(x[D]) -> y {
    param W[H, D]
    y = log(sigmoid(W@x))
}
END_OF_CELL
# Division by a gate that shuts.
finds warning 5 'div is not finite when inputs are a hundred times as large' <<'END_OF_CELL'
cell planted(x[D]) -> h {
    state h[H]
    param V[H, D], W[H, D]
    f = sigmoid(V@x)
    h' = f*h + W@x/f
}
END_OF_CELL
# The root of what a saturated unit leaves.
finds warning 4 'the gradient by W is not finite when inputs are a hundred times' <<'END_OF_CELL'
cell planted(x[D]) -> y {
    param W[H, D]
    u = tanh(W@x)
    y = sqrt(1 - abs(u))
}
END_OF_CELL
# Two factors that are both 0.
finds warning 2 'the gradient by A is 0 where it begins, and after a step' <<'END_OF_CELL'
cell planted(x[D]) -> y {
    param A[H, K] = 0, B[K, D] = 0
    y = A@(B@x)
}
END_OF_CELL
# A gate that is rounded.
finds warning 3 'the gradient by V is 0 everywhere: it will never learn' <<'END_OF_CELL'
cell planted(x[D]) -> h {
    state h[H]
    param V[H, D], W[H, D]
    z = floor(sigmoid(V@x) + 0.5)
    h' = z*h + (1 - z)*tanh(W@x)
}
END_OF_CELL
# A connection that was forgotten.
finds warning 3 'no result depends on the parameter skip' <<'END_OF_CELL'
cell planted(x[D]) -> h {
    state h[H]
    param W[H, D], U[H, H] = orthogonal, b[H], skip[H]
    h' = tanh(W@x + U@h + b)
}
END_OF_CELL
# Two rectifiers that let nothing through.
finds warning 3 'the gradient by W is 0 everywhere: it will never learn' <<'END_OF_CELL'
cell planted(x[D]) -> h {
    state h[H]
    param W[H, D], U[H, H]
    h' = relu(-relu(W@x + U@h))
}
END_OF_CELL

[[ $count -ge 37 ]] || fault "only $count mistakes"
finish
