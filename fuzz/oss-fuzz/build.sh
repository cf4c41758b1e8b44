#!/bin/bash -eu
# OSS-Fuzz runs this in fuzz/, with the sanitizer in RUSTFLAGS: builds each target into $OUT, with its
# seeds if it has any.
cargo fuzz build -O --debug-assertions
for target in fuzz_targets/*.rs; do
    name="$(basename "$target" .rs)"
    cp "target/x86_64-unknown-linux-gnu/release/$name" "$OUT/"
    if [ -d "seeds/$name" ]; then
        (cd "seeds/$name" && zip --quiet --recurse-paths "$OUT/${name}_seed_corpus.zip" .)
    fi
done
