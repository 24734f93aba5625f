//! Least-squares line through a window: `deriv` and `predict_linear`.

use super::kahan::Kahan;
use super::range::Window;

/// Slope per second and value at `origin` (milliseconds).
fn line(window: &Window<'_>, origin: i64) -> Option<(f64, f64)> {
    let (first, rest) = window.values.split_first()?;
    if rest.is_empty() {
        return None;
    }
    if rest.iter().all(|value| value == first) {
        let flat = if first.is_infinite() {
            (f64::NAN, f64::NAN)
        } else {
            (0.0, *first)
        };
        return Some(flat);
    }
    let mut sums = [Kahan::default(); 4];
    for (time, y) in window.times.iter().zip(window.values) {
        let x = (time - origin) as f64 / 1000.0;
        for (sum, value) in sums.iter_mut().zip([x, *y, x * y, x * x]) {
            sum.add(value);
        }
    }
    let [x, y, xy, xx] = sums.map(|sum| sum.sum + sum.lost);
    let n = window.values.len() as f64;
    let slope = (xy - x * y / n) / (xx - x * x / n);
    Some((slope, y / n - slope * x / n))
}

/// Slope per second. The origin is near the samples, which keeps the sums small and exact.
pub(super) fn deriv(window: &Window<'_>) -> Option<f64> {
    line(window, *window.times.first()?).map(|(slope, _)| slope)
}

/// The value that the line has `seconds` after the step.
pub(super) fn predict(window: &Window<'_>, seconds: f64) -> Option<f64> {
    line(window, window.time).map(|(slope, now)| slope * seconds + now)
}
