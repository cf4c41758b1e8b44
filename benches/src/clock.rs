//! CPU time of the calling thread, which excludes other threads and processes.

use core::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Returns the CPU time that the work took.
pub fn cpu_time(work: impl FnOnce()) -> Duration {
    let start = now();
    work();
    now() - start
}

fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
