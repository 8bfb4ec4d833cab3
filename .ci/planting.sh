# Sourced by `plants` and `orderings`: a copy of the tree into which defects are planted. All of
# them are in the copy at once, each behind `crate::planted("its name")`, so that there is one build
# for all; the variable ATOMOS_PLANT says which of them is there when a test runs.

export LC_ALL=C
target=${CARGO_TARGET_DIR:-$PWD/target}
unset CARGO_TARGET_DIR ATOMOS_PLANT
# What one run of tests may take, in seconds.
limit=${LIMIT:-600}

die() {
    printf '\n!!!! %s\n' "$*" >&2
    exit 1
}

# begin_tree NAME: a copy of all files, in $tree, beside the one of the last time.
begin_tree() {
    tree=$target/planted/$1
    rm -rf "$tree.new"
    mkdir -p "$tree.new"
    git ls-files -z --cached --others --exclude-standard \
        | while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done \
        | xargs -0 cp --parents -t "$tree.new"
    [ ! -e Cargo.lock ] || cp Cargo.lock "$tree.new"
    # Another version is built beside the real one, of which it shares all dependencies; cargo would
    # take two copies of one version for the same.
    sed -i "0,/^version = \"\(.*\)\"/s//version = \"\1-$1\"/" "$tree.new/Cargo.toml"
    local file
    # The models take a file of the library as a part of theirs.
    for file in src/lib.rs tests/loom.rs; do
        cat >>"$tree.new/$file" <<'RUST'

/// Whether a defect is there: see `.ci/planting.sh`.
#[allow(dead_code)]
pub(crate) fn planted(name: &str) -> bool {
    static PLANT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    PLANT.get_or_init(|| std::env::var("ATOMOS_PLANT").unwrap_or_default()) == name
}
RUST
    done
}

# The new copy takes the old one's place. What is the same keeps its time, and is not built again.
end_tree() {
    if [ -d "$tree" ]; then
        (cd "$tree.new" && find . -type f -print0) | while IFS= read -r -d '' file; do
            ! cmp -s "$tree/$file" "$tree.new/$file" || touch -r "$tree/$file" "$tree.new/$file"
        done
        rm -rf "$tree"
    fi
    mv "$tree.new" "$tree"
}

# tests TOOL [ARGUMENT...]: runs them in the copy, on the defect that ATOMOS_PLANT names.
#   loom FILTER...   loom/2 FILTER...   the models; with turns of two commits
#   shuttle FILTER...                   programs under random schedules
#   lib FILTER...    test NAME FILTER...
#   address NAME     thread NAME        a test under a sanitizer
#   fuzz TARGET                         programs of bytes
tests() {
    local tool=$1
    shift
    case $tool in
        loom) models 1 "$@" ;;
        loom/2) models 2 "$@" ;;
        shuttle)
            limited RUSTFLAGS="${RUSTFLAGS:-} --cfg loom --cfg atomos_shuttle" \
                CARGO_TARGET_DIR="$target/shuttle" cargo test --release --test shuttle -- "$@"
            ;;
        lib) limited CARGO_TARGET_DIR="$target" cargo test --all-features --lib -- "$@" ;;
        test)
            limited CARGO_TARGET_DIR="$target" \
                cargo test --all-features --test "$1" -- "${@:2}"
            ;;
        address | thread)
            limited CARGO_TARGET_DIR="$target" .ci/sanitize "$tool" --all-features --test "$1"
            ;;
        fuzz) limited CARGO_TARGET_DIR="$target" .ci/fuzz "$1" "${FUZZ:-120}" ;;
        *) die "there is no tool of the name $tool" ;;
    esac
}

models() {
    local runner=(cargo test --release --test loom --)
    if cargo nextest --version >/dev/null 2>&1; then
        runner=(cargo nextest run --cargo-profile release --test loom)
    fi
    limited RUSTFLAGS="${RUSTFLAGS:-} --cfg loom" CARGO_TARGET_DIR="$target/loom" \
        LOOM_MAX_PREEMPTIONS=2 ATOMOS_TURN="$1" "${runner[@]}" "${@:2}"
}

limited() {
    (cd "$tree" && timeout --kill-after=10 "$limit" env "$@")
}

# verdict STATUS LOG: in words. Only a test that has failed has caught anything.
verdict() {
    local name
    if grep -q 'error: could not compile\|^error\[E' "$2"; then
        echo "DOES NOT BUILD"
    elif [ "$1" -eq 0 ]; then
        echo SURVIVES
    elif [ "$1" -eq 75 ]; then
        echo SKIPPED
    elif [ "$1" -eq 124 ] || [ "$1" -eq 137 ]; then
        echo "NOT DONE in $limit s"
    elif name=$(failures "$2") && [ -n "$name" ]; then
        echo "$name"
    else
        echo "NOTHING FAILED, but the command: exit $1"
    fi
}

# What the log says has failed: the first one's name.
failures() {
    local found
    found=$(sed -n \
        -e 's/.*ERROR: \(AddressSanitizer: [a-z-]*\).*/\1/p' \
        -e 's/.*ERROR: \(LeakSanitizer: .*\)/\1/p' \
        -e 's/.*WARNING: \(ThreadSanitizer: [a-z ]*[a-z]\).*/\1/p' \
        -e 's/^SUMMARY: libFuzzer: \(.*\)/libFuzzer: \1/p' \
        -e 's/^ *\(FAIL\|SIGABRT\|SIGSEGV\|TERMINATING\) \[[^]]*\] .*atomos::loom \(.*\)/\2/p' \
        -e 's/^test \(.*\) \.\.\. FAILED$/\1/p' \
        -e 's/.*(signal: \([0-9]*, [A-Z]*\).*/a process ended by signal \1/p' \
        "$1")
    printf '%s\n' "$found" | sort -u | head -1
}
