//! `printf`, as Go's `fmt.Sprintf`.

use super::context::{Context, Fault};
use super::format::{Flags, Printer};
use super::value::Value;
use crate::wire::quote::first_char;

/// Widths and precisions above this are refused, as in Go.
const MOST: i64 = 1_000_000;

/// Formats arguments.
pub(super) fn printf(
    context: &mut Context<'_>,
    format: &[u8],
    arguments: &[Value],
) -> Result<Vec<u8>, Fault> {
    let mut run = Run {
        printer: Printer::new(context),
        format,
        at: 0,
        arguments,
        argument: 0,
        reordered: false,
        good_index: true,
        after_index: false,
    };
    run.all()?;
    Ok(run.printer.out)
}

struct Run<'r, 'c> {
    printer: Printer<'r, 'c>,
    format: &'r [u8],
    at: usize,
    arguments: &'r [Value],
    /// The next argument.
    argument: usize,
    reordered: bool,
    good_index: bool,
    after_index: bool,
}

impl Run<'_, '_> {
    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    fn all(&mut self) -> Result<(), Fault> {
        while self.at < self.format.len() {
            self.good_index = true;
            self.after_index = false;
            let rest = self.format.get(self.at..).unwrap_or_default();
            let text = rest.split(|byte| *byte == b'%').next().unwrap_or_default();
            self.printer.put(text)?;
            self.at += text.len() + 1;
            if text.len() == rest.len() {
                break;
            }
            if !self.verb()? {
                break;
            }
        }
        self.extra()
    }

    /// Formats one verb after its `%`. Returns false if the format ends within it.
    fn verb(&mut self) -> Result<bool, Fault> {
        self.printer.flags = Flags::default();
        while let Some(byte) = self.peek() {
            let flags = &mut self.printer.flags;
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.at += 1;
        }
        self.index();
        if self.peek() == Some(b'*') {
            self.at += 1;
            self.width_of_argument()?;
        } else {
            self.printer.flags.width = self.number();
            if self.after_index && self.printer.flags.width.is_some() {
                self.good_index = false;
            }
        }
        if self.at + 1 < self.format.len() && self.peek() == Some(b'.') {
            self.at += 1;
            self.precision()?;
        }
        if !self.after_index {
            self.index();
        }
        let rest = self.format.get(self.at..).unwrap_or_default();
        if rest.is_empty() {
            self.printer.put("%!(NOVERB)")?;
            return Ok(false);
        }
        let (verb, length) = first_char(rest).unwrap_or((char::REPLACEMENT_CHARACTER, 1));
        self.at += length;
        self.show(verb)?;
        Ok(true)
    }

    fn show(&mut self, verb: char) -> Result<(), Fault> {
        if verb == '%' {
            return self.printer.put("%");
        }
        if !self.good_index {
            return self.printer.put(format!("%!{verb}(BADINDEX)"));
        }
        let Some(argument) = self.arguments.get(self.argument) else {
            return self.printer.put(format!("%!{verb}(MISSING)"));
        };
        self.argument += 1;
        let flags = &mut self.printer.flags;
        if matches!(verb, 'v' | 'w') {
            flags.sharp_v = std::mem::take(&mut flags.sharp);
            flags.plus_v = std::mem::take(&mut flags.plus);
        }
        self.printer.argument(argument, verb)
    }

    /// Reads a number of the format. As in Go a number that is too large consumes the rest of the
    /// format.
    fn number(&mut self) -> Option<usize> {
        let mut number = None;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            let before = number.unwrap_or(0);
            if before > MOST {
                self.at = self.format.len();
                return None;
            }
            number = Some(before * 10 + i64::from(digit - b'0'));
            self.at += 1;
        }
        number.and_then(|number| usize::try_from(number).ok())
    }

    /// Reads an argument index such as `[2]`.
    fn index(&mut self) {
        self.after_index = false;
        if self.peek() != Some(b'[') {
            return;
        }
        self.reordered = true;
        let rest = self.format.get(self.at..).unwrap_or_default();
        let close = rest.iter().position(|byte| *byte == b']');
        let Some(close) = close.filter(|_| rest.len() >= 3) else {
            self.good_index = false;
            self.at += 1;
            return;
        };
        self.at += close + 1;
        let inner = rest.get(1..close).unwrap_or_default();
        let digits = std::str::from_utf8(inner).ok().filter(|text| {
            !text.is_empty() && text.len() <= 7 && text.bytes().all(|b| b.is_ascii_digit())
        });
        let Some(number) = digits.and_then(|digits| digits.parse::<usize>().ok()) else {
            self.good_index = false;
            return;
        };
        self.after_index = true;
        match number.checked_sub(1) {
            Some(index) if index < self.arguments.len() => self.argument = index,
            _ => self.good_index = false,
        }
    }

    /// Takes an integer argument for `*`, unless it is too large.
    fn int_argument(&mut self) -> Option<i64> {
        let argument = self.arguments.get(self.argument)?.unboxed();
        self.argument += 1;
        let number = match argument {
            Value::Int(number, _) => number,
            Value::Byte(byte) => i64::from(byte),
            _ => return None,
        };
        (-MOST..=MOST).contains(&number).then_some(number)
    }

    fn width_of_argument(&mut self) -> Result<(), Fault> {
        match self.int_argument() {
            Some(width) => {
                let flags = &mut self.printer.flags;
                flags.width = usize::try_from(width.unsigned_abs()).ok();
                if width < 0 {
                    flags.minus = true;
                    flags.zero = false;
                }
            }
            None => self.printer.put("%!(BADWIDTH)")?,
        }
        self.after_index = false;
        Ok(())
    }

    fn precision(&mut self) -> Result<(), Fault> {
        if self.after_index {
            self.good_index = false;
        }
        self.index();
        if self.peek() == Some(b'*') {
            self.at += 1;
            let precision = self.int_argument();
            self.printer.flags.precision =
                precision.and_then(|number| usize::try_from(number).ok());
            if self.printer.flags.precision.is_none() {
                self.printer.put("%!(BADPREC)")?;
            }
            self.after_index = false;
        } else {
            self.printer.flags.precision = Some(self.number().unwrap_or(0));
        }
        Ok(())
    }

    /// Reports arguments that no verb used.
    fn extra(&mut self) -> Result<(), Fault> {
        let left = self.arguments.get(self.argument..).unwrap_or_default();
        if self.reordered || left.is_empty() {
            return Ok(());
        }
        self.printer.flags = Flags::default();
        self.printer.put("%!(EXTRA ")?;
        for (at, argument) in left.iter().enumerate() {
            if at > 0 {
                self.printer.put(", ")?;
            }
            let argument = argument.unboxed();
            if argument == Value::Nil {
                self.printer.put("<nil>")?;
                continue;
            }
            self.printer.put(argument.type_name())?;
            self.printer.put("=")?;
            self.printer.argument(&argument, 'v')?;
        }
        self.printer.put(")")
    }
}
