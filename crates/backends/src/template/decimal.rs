//! Decimal numbers of any length, as sprig's float functions compute: `addf 0.1 0.2` is 0.3.

use num_bigint::BigInt;

use super::context::Fault;

/// Decimal places of a quotient.
const QUOTIENT_DIGITS: i64 = 16;

/// `value` times ten to the power of `exponent`.
#[derive(Clone, Debug)]
pub(super) struct Decimal {
    value: BigInt,
    exponent: i64,
}

fn power_of_ten(exponent: i64) -> BigInt {
    // A float has an exponent of a few hundred; each product in a chain adds to it.
    BigInt::from(10).pow(u32::try_from(exponent.max(0)).unwrap_or(u32::MAX))
}

impl Decimal {
    /// The shortest number that reads back as the float.
    pub(super) fn from_float(float: f64) -> Result<Self, Fault> {
        if !float.is_finite() {
            let name = if float.is_nan() {
                "NaN"
            } else if float > 0.0 {
                "+Inf"
            } else {
                "-Inf"
            };
            let reason = format!("Cannot create a Decimal from {name}");
            return Err(Fault::Function(reason));
        }
        let shortest = format!("{float:e}");
        let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
        let after_point = digits.split_once('.').map_or(0, |(_, after)| after.len());
        let value = digits.replace('.', "").parse::<BigInt>();
        let exponent = exponent.parse::<i64>();
        match (value, exponent) {
            (Ok(value), Ok(exponent)) => Ok(Self {
                value,
                exponent: exponent - after_point as i64,
            }),
            _ => Err(Fault::Function(format!("{shortest} is no number"))),
        }
    }

    /// Memory that an operation may need, in bytes: the digits of both numbers, and the zeros that
    /// align their exponents.
    pub(super) fn bytes_with(&self, other: &Self) -> usize {
        let bits = self.value.bits() + other.value.bits();
        let zeros = (self.exponent - other.exponent).unsigned_abs() + QUOTIENT_DIGITS as u64;
        // A decimal digit has about 3.3 bits.
        usize::try_from((bits + zeros * 4) / 8).unwrap_or(usize::MAX)
    }

    /// The nearest float.
    pub(super) fn to_float(&self) -> f64 {
        let text = format!("{}e{}", self.value, self.exponent);
        text.parse().unwrap_or(f64::NAN)
    }

    /// Aligns both values to the smaller exponent.
    fn aligned(&self, other: &Self) -> (BigInt, BigInt, i64) {
        let exponent = self.exponent.min(other.exponent);
        let scaled = |one: &Self| &one.value * power_of_ten(one.exponent - exponent);
        (scaled(self), scaled(other), exponent)
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        let (a, b, exponent) = self.aligned(other);
        let value = a + b;
        Self { value, exponent }
    }

    pub(super) fn minus(&self, other: &Self) -> Self {
        let (a, b, exponent) = self.aligned(other);
        let value = a - b;
        Self { value, exponent }
    }

    pub(super) fn times(&self, other: &Self) -> Self {
        Self {
            value: &self.value * &other.value,
            exponent: self.exponent + other.exponent,
        }
    }

    /// The quotient to sixteen digits, the last one rounded away from zero at a half. The divisor
    /// is not zero.
    pub(super) fn over(&self, other: &Self) -> Self {
        let zero = BigInt::from(0);
        let shift = self.exponent - other.exponent + QUOTIENT_DIGITS;
        let a = &self.value * power_of_ten(shift);
        let b = &other.value * power_of_ten(-shift);
        let (mut value, rest) = (&a / &b, &a % &b);
        let magnitude = |n: BigInt| if n < BigInt::from(0) { -n } else { n };
        let negative = (self.value < zero) != (other.value < zero);
        if magnitude(rest) * 2 >= magnitude(b) {
            value += if negative { -1 } else { 1 };
        }
        Self {
            value,
            exponent: -QUOTIENT_DIGITS,
        }
    }
}
