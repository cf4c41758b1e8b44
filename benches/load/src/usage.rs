//! The resources that this process has used, as Linux reports them.

/// The report of a client at its end.
#[derive(Debug, Default)]
pub struct Report {
    pub streams: u64,
    pub complete: u64,
    pub events: u64,
    /// Resident memory before the first stream, and at the peak.
    pub base_kib: u64,
    pub peak_kib: u64,
    pub user_us: f64,
    pub system_us: f64,
    pub seconds: f64,
}

impl Report {
    pub fn kib_per(&self, peak: u64, count: u64) -> f64 {
        peak.saturating_sub(self.base_kib) as f64 / count.max(1) as f64
    }

    pub fn print(&self) {
        let Self {
            streams,
            complete,
            events,
            base_kib,
            peak_kib,
            user_us,
            system_us,
            seconds,
        } = self;
        println!(
            "{streams} {complete} {events} {base_kib} {peak_kib} {user_us} {system_us} {seconds}"
        );
    }

    pub fn parse(text: &str) -> Self {
        let fields: Vec<f64> = text
            .split_whitespace()
            .map(|field| field.parse().expect("a number"))
            .collect();
        let [
            streams,
            complete,
            events,
            base,
            peak,
            user_us,
            system_us,
            seconds,
        ] = fields[..]
        else {
            panic!("eight numbers, not {text:?}")
        };
        Self {
            streams: streams as u64,
            complete: complete as u64,
            events: events as u64,
            base_kib: base as u64,
            peak_kib: peak as u64,
            user_us,
            system_us,
            seconds,
        }
    }
}

pub fn resident_kib() -> u64 {
    status("VmRSS:")
}

pub fn peak_kib() -> u64 {
    status("VmHWM:")
}

fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("the status of this process");
    let line = text
        .lines()
        .find(|line| line.starts_with(name))
        .expect("a line of the status");
    line.split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok())
        .expect("a number of KiB")
}

/// User and system time of the whole process, in microseconds.
pub fn processor_us() -> (f64, f64) {
    let text = std::fs::read_to_string("/proc/self/stat").expect("the numbers of this process");
    // The name may contain spaces, so fields are counted after it. A tick is 10 ms on all current
    // Linux systems.
    let behind = text.rsplit_once(')').expect("a name").1;
    let fields: Vec<&str> = behind.split_whitespace().collect();
    let microseconds = |field: usize| fields[field].parse::<f64>().expect("ticks") * 10_000.0;
    (microseconds(11), microseconds(12))
}
