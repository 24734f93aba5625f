//! Functions of templates. The order of arguments is Loki's: the text comes last in those that
//! come from sprig, first in those that come from Go's `strings`.

use crate::embedded::logs::store::go_time;

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Line,
    Timestamp,
    Lower,
    Upper,
    TrimSpace,
    Trim,
    TrimPrefix,
    TrimSuffix,
    SprigTrimPrefix,
    SprigTrimSuffix,
    Replace,
    SprigReplace,
    Trunc,
    Substr,
    Default,
    AlignLeft,
    AlignRight,
}

impl Function {
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "__line__" => Self::Line,
            "__timestamp__" => Self::Timestamp,
            "lower" | "ToLower" => Self::Lower,
            "upper" | "ToUpper" => Self::Upper,
            "trim" | "TrimSpace" => Self::TrimSpace,
            "Trim" => Self::Trim,
            "TrimPrefix" => Self::TrimPrefix,
            "TrimSuffix" => Self::TrimSuffix,
            "trimPrefix" => Self::SprigTrimPrefix,
            "trimSuffix" => Self::SprigTrimSuffix,
            "Replace" => Self::Replace,
            "replace" => Self::SprigReplace,
            "trunc" => Self::Trunc,
            "substr" => Self::Substr,
            "default" => Self::Default,
            "alignLeft" => Self::AlignLeft,
            "alignRight" => Self::AlignRight,
            _ => return None,
        })
    }

    /// How many arguments it takes.
    pub(crate) fn arguments(self) -> usize {
        match self {
            Self::Line | Self::Timestamp => 0,
            Self::Lower | Self::Upper | Self::TrimSpace => 1,
            Self::Trim
            | Self::TrimPrefix
            | Self::TrimSuffix
            | Self::SprigTrimPrefix
            | Self::SprigTrimSuffix
            | Self::Trunc
            | Self::Default
            | Self::AlignLeft
            | Self::AlignRight => 2,
            Self::SprigReplace | Self::Substr => 3,
            Self::Replace => 4,
        }
    }

    pub(crate) fn call(self, arguments: &[String], line: &str, ts: i64) -> Result<String, String> {
        let text = |at: usize| arguments.get(at).map(String::as_str).unwrap_or_default();
        let int = |at: usize| {
            text(at)
                .parse::<i64>()
                .map_err(|_| format!("expected integer; found {:?}", text(at)))
        };
        Ok(match self {
            Self::Line => line.to_owned(),
            Self::Timestamp => go_time(ts),
            Self::Lower => text(0).to_lowercase(),
            Self::Upper => text(0).to_uppercase(),
            Self::TrimSpace => text(0).trim().to_owned(),
            Self::Trim => text(0).trim_matches(|c| text(1).contains(c)).to_owned(),
            Self::TrimPrefix => without_prefix(text(0), text(1)),
            Self::TrimSuffix => without_suffix(text(0), text(1)),
            Self::SprigTrimPrefix => without_prefix(text(1), text(0)),
            Self::SprigTrimSuffix => without_suffix(text(1), text(0)),
            Self::SprigReplace => bounded_replace(text(2), text(0), text(1), usize::MAX)?,
            Self::Replace => {
                let times = usize::try_from(int(3)?).unwrap_or(usize::MAX);
                bounded_replace(text(0), text(1), text(2), times)?
            }
            Self::Trunc => trunc(int(0)?, text(1)),
            Self::Substr => {
                let (from, to) = (int(0)?.max(0), int(1)?);
                let to = if to < 0 { usize::MAX } else { to as usize };
                let take = to.saturating_sub(from as usize);
                text(2).chars().skip(from as usize).take(take).collect()
            }
            Self::Default if text(1).is_empty() => text(0).to_owned(),
            Self::Default => text(1).to_owned(),
            Self::AlignLeft => aligned(int(0)?, text(1), false),
            Self::AlignRight => aligned(int(0)?, text(1), true),
        })
    }
}

/// Bytes that a replacement may produce.
const MAX_RESULT: usize = 1 << 20;

fn bounded_replace(text: &str, from: &str, to: &str, times: usize) -> Result<String, String> {
    let count = text.matches(from).count().min(times);
    if text.len() + count.saturating_mul(to.len()) > MAX_RESULT {
        return Err(format!("replace: result exceeds {MAX_RESULT} bytes"));
    }
    Ok(text.replacen(from, to, times))
}

fn without_prefix(text: &str, prefix: &str) -> String {
    text.strip_prefix(prefix).unwrap_or(text).to_owned()
}

fn without_suffix(text: &str, suffix: &str) -> String {
    text.strip_suffix(suffix).unwrap_or(text).to_owned()
}

/// The first `len` characters, or the last when it is negative.
fn trunc(len: i64, text: &str) -> String {
    let wanted = usize::try_from(len.unsigned_abs()).unwrap_or(usize::MAX);
    if len >= 0 {
        return text.chars().take(wanted).collect();
    }
    let skip = text.chars().count().saturating_sub(wanted);
    text.chars().skip(skip).collect()
}

/// A text cut or padded with spaces to a width.
fn aligned(width: i64, text: &str, right: bool) -> String {
    let width = width.clamp(0, 10_000) as usize;
    let len = text.chars().count();
    let padding = " ".repeat(width.saturating_sub(len));
    if right {
        let cut: String = text.chars().skip(len.saturating_sub(width)).collect();
        return padding + &cut;
    }
    let cut: String = text.chars().take(width).collect();
    cut + &padding
}
