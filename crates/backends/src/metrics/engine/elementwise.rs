//! Functions of one value: mathematics without regard to time or labels.

/// Radians to degrees.
pub(super) fn deg(value: f64) -> f64 {
    value * 180.0 / std::f64::consts::PI
}

/// Degrees to radians.
pub(super) fn rad(value: f64) -> f64 {
    value * std::f64::consts::PI / 180.0
}

/// The sign: -1 or 1; zero and NaN stay as they are.
pub(super) fn sgn(value: f64) -> f64 {
    if value < 0.0 {
        -1.0
    } else if value > 0.0 {
        1.0
    } else {
        value
    }
}

/// Rounds to the nearest multiple; ties go up.
pub(super) fn round(value: f64, multiple: f64) -> f64 {
    let inverse = 1.0 / multiple;
    (value * inverse + 0.5).floor() / inverse
}

/// Holds a value between two bounds; NaN when a bound is NaN.
pub(super) fn clamp(value: f64, min: f64, max: f64) -> f64 {
    greater(min, lesser(max, value))
}

/// The greater of two, NaN if either is (unlike `f64::max`).
pub(super) fn greater(left: f64, right: f64) -> f64 {
    if left.is_nan() || right.is_nan() {
        f64::NAN
    } else {
        left.max(right)
    }
}

/// The lesser of two, NaN if either is (unlike `f64::min`).
pub(super) fn lesser(left: f64, right: f64) -> f64 {
    if left.is_nan() || right.is_nan() {
        f64::NAN
    } else {
        left.min(right)
    }
}
