//! Framing: bytes to frames, on three workloads and five chunk sizes, compared with the peers.

use codex_bench::framing::{Check, Count, Framing};
use codex_bench::workload::Workload;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn framing(criterion: &mut Criterion) {
    for workload in [
        Workload::deltas(2_000),
        Workload::large(),
        Workload::multiline(1_000),
    ] {
        let whole = workload.bytes.len();
        for (label, chunk) in [
            ("whole", whole),
            ("16 KiB", 16 << 10),
            ("1400 B", 1400),
            ("64 B", 64),
        ] {
            let mut group = criterion.benchmark_group(format!("framing/{}/{label}", workload.name));
            group.throughput(Throughput::Bytes(whole as u64));
            for decoder in Framing::ALL {
                let mut check = Check::new(&workload);
                decoder.run(&workload.bytes, chunk, &mut check);
                if decoder.is_decoder() && !check.passed() {
                    continue;
                }
                group.bench_function(BenchmarkId::from_parameter(decoder.name()), |bencher| {
                    bencher.iter(|| decoder.run(&workload.bytes, chunk, &mut Count::default()));
                });
            }
            group.finish();
        }
    }
}

criterion_group!(benches, framing);
criterion_main!(benches);
