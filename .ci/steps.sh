# Sourced by `run` and `deep`: runs steps one after the other, whatever becomes of
# those before, and ends with a table of all.

# What a step may take, in seconds.
limit=900
# What a step exits with when the machine does not have what it needs.
skip=75
rows=()
failures=0

# step NAME COMMAND [ARGUMENT...]   the command is a program, not a function
step() {
    local name=$1 start=$SECONDS status=0 outcome
    shift
    printf '\n==== %s\n     %s\n' "$name" "$*"
    timeout --kill-after=10 "$limit" "$@" || status=$?
    case $status in
        0) outcome=ok ;;
        "$skip") outcome=SKIPPED ;;
        124 | 137) outcome="FAILED: not done in $limit s" ;;
        *) outcome="FAILED: exit $status" ;;
    esac
    case $outcome in FAILED*) failures=$((failures + 1)) ;; esac
    rows+=("$(printf '%-48s %7d   %s' "$name" $((SECONDS - start)) "$outcome")")
    printf '     %s: %s\n' "$name" "$outcome"
}

# Prints the table; the status of the whole script.
summary() {
    printf '\n%-48s %7s   %s\n' step seconds outcome
    printf '%s\n' "${rows[@]}"
    printf '%-48s %7d   %s\n' total "$SECONDS" "$failures failed"
    [ "$failures" -eq 0 ]
}

# loom_step NAME PREEMPTIONS TURN: the models of tests/loom.rs, each in a process of its
# own where possible, since a deadlock that loom finds aborts the process. TURN is the
# number of commits that a deliverer tells before it offers the desk to others.
loom_step() {
    local runner=(cargo test --release --test loom)
    if cargo nextest --version >/dev/null 2>&1; then
        runner=(cargo nextest run --cargo-profile release --no-fail-fast --test loom)
    fi
    step "$1" env RUSTFLAGS="${RUSTFLAGS:-} --cfg loom" CARGO_TARGET_DIR="$target/loom" \
        LOOM_MAX_PREEMPTIONS="$2" ATOMOS_TURN="$3" "${runner[@]}"
}

# Every step builds what no step builds again: what an incremental build would need is gigabytes.
export CARGO_INCREMENTAL=0

# Where cargo builds; what needs other flags builds in a folder of its own below it,
# so that nothing is built twice.
target=${CARGO_TARGET_DIR:-$PWD/target}
