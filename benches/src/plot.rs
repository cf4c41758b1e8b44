//! Plots in SVG, with error bars.

use core::fmt::Write as _;

/// A figure and its error bar.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "the names describe the fields")]
pub struct Measured {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Measured {
    /// Returns the median and the quartiles, or `None` without figures.
    pub fn of(mut figures: Vec<f64>) -> Option<Self> {
        figures.sort_by(f64::total_cmp);
        let at = |quarter: usize| figures.get(figures.len() * quarter / 4).copied();
        Some(Self {
            median: at(2)?,
            low: at(1)?,
            high: at(3)?,
        })
    }

    /// Returns the figure in a unit of that size.
    #[must_use]
    pub fn per(self, size: f64) -> Self {
        Self {
            median: self.median / size,
            low: self.low / size,
            high: self.high / size,
        }
    }
}

/// Returns a number with three digits, or more if it is an integer above 1000.
pub fn digits(number: f64) -> String {
    let decimals = match number {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{number:.decimals$}")
}

/// Draws horizontal bars from the top, cut off at a length.
pub fn bars(title: &str, bars: &[(String, Measured)], longest: f64) -> String {
    let mut svg = start(title, 40 + 24 * bars.len());
    for (index, (name, time)) in bars.iter().enumerate() {
        let y = 34 + 24 * index;
        let (text, middle) = (y + 13, y + 8);
        let [width, low, high] =
            [time.median, time.low, time.high].map(|time| (time / longest).min(1.0) * 400.0);
        let color = match name {
            name if name.contains("codex") => "#2a7",
            name if name.starts_with("bound") => "#999",
            _ => "#57b",
        };
        let _ = writeln!(
            svg,
            "<text x=\"8\" y=\"{text}\">{name}</text><rect x=\"370\" y=\"{y}\" width=\"{width:.1}\" height=\"16\" fill=\"{color}\"/><path d=\"M{:.1} {middle}H{:.1}m0 -4v8M{:.1} {}v8\" stroke=\"#000\"/><text x=\"{:.1}\" y=\"{text}\">{}</text>",
            370.0 + low,
            370.0 + high,
            370.0 + low,
            middle - 4,
            376.0 + width.max(high),
            digits(time.median),
        );
    }
    svg + "</svg>\n"
}

/// Draws lines over columns of equal width, with a logarithmic scale.
pub fn lines(title: &str, columns: &[String], lines: &[(String, Vec<Measured>)]) -> String {
    let all = || lines.iter().flat_map(|(_, line)| line);
    let least = all().map(|it| it.low).fold(f64::INFINITY, f64::min);
    let most = all().map(|it| it.high).fold(0.0, f64::max);
    let (bottom, top) = (least.log10().floor(), most.log10().ceil());
    let x = |column: usize| 80 + 450 * column / (columns.len() - 1).max(1);
    let y = |value: f64| 370.0 - (value.log10() - bottom) / (top - bottom) * 330.0;
    let mut svg = start(title, 400);
    for decade in bottom as i32..=top as i32 {
        let value = 10_f64.powi(decade);
        let _ = writeln!(
            svg,
            "<path d=\"M60 {0:.1}H550\" stroke=\"#ccc\"/><text x=\"52\" y=\"{1:.1}\" text-anchor=\"end\">{value}</text>",
            y(value),
            y(value) + 4.0,
        );
    }
    for (column, name) in columns.iter().enumerate() {
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"390\" text-anchor=\"middle\">{name}</text>",
            x(column)
        );
    }
    for (index, (name, line)) in lines.iter().enumerate() {
        let hue = 360 * index / lines.len();
        let (mut path, mut errors) = (String::new(), String::new());
        for (column, time) in line.iter().enumerate() {
            let (x, command) = (x(column), if column == 0 { 'M' } else { 'L' });
            let _ = write!(path, "{command}{x} {:.1}", y(time.median));
            let [low, high] = [time.low, time.high].map(y);
            let _ = write!(errors, "M{0} {low:.1}h6m-3 0V{high:.1}m-3 0h6", x - 3);
        }
        let (middle, text) = (50 + 22 * index, 54 + 22 * index);
        let _ = writeln!(
            svg,
            "<g stroke=\"hsl({hue},70%,40%)\" fill=\"none\"><path d=\"{path}\" stroke-width=\"2\"/><path d=\"{errors}\"/><path d=\"M570 {middle}h20\" stroke-width=\"2\"/></g><text x=\"596\" y=\"{text}\">{name}</text>",
        );
    }
    svg + "</svg>\n"
}

fn start(title: &str, height: usize) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"860\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"860\" height=\"{height}\" fill=\"#fff\"/><text x=\"8\" y=\"20\" font-weight=\"bold\">{title}</text>\n"
    )
}
