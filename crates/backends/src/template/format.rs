//! `print`, `println` and what an action shows: values as Go's `fmt` writes them with `%v`; and the
//! verbs of `printf` for each type.

use super::context::{Context, Fault};
use super::float;
use super::time::{MONTHS, WEEKDAYS, name_of};
use super::value::{IntType, Map, MapType, Value};
use crate::wire::duration::go;
use crate::wire::quote::{chars, count_chars, is_print, quoted_with};

type Done = Result<(), Fault>;

/// The flags of a verb.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%+v`
    pub(super) plus_v: bool,
    /// `%#v`
    pub(super) sharp_v: bool,
}

/// Writes values. Bytes are accounted for in the query's budget before they are written.
pub(super) struct Printer<'p, 'c> {
    pub(super) context: &'p mut Context<'c>,
    pub(super) out: Vec<u8>,
    pub(super) flags: Flags,
    /// A value is shown within a bad-verb message: its own methods are not called.
    complaining: bool,
    /// A pointer to a struct is shown as the struct, as in the output of a template.
    follows: bool,
}

/// The value as `%v` shows it.
pub(super) fn print_text(context: &mut Context<'_>, value: &Value) -> Result<Vec<u8>, Fault> {
    let mut printer = Printer::new(context);
    printer.follows = true;
    printer.argument(value, 'v')?;
    Ok(printer.out)
}

/// `fmt.Sprint`: a space separates two neighbours if neither is a string.
pub(super) fn print(context: &mut Context<'_>, values: &[Value]) -> Result<Vec<u8>, Fault> {
    let mut printer = Printer::new(context);
    let mut after_text = false;
    for (at, value) in values.iter().enumerate() {
        let is_text = matches!(value.unboxed(), Value::Text(_));
        if at > 0 && !is_text && !after_text {
            printer.put(b" ")?;
        }
        printer.argument(value, 'v')?;
        after_text = is_text;
    }
    Ok(printer.out)
}

/// `fmt.Sprintln`
pub(super) fn println(context: &mut Context<'_>, values: &[Value]) -> Result<Vec<u8>, Fault> {
    let mut printer = Printer::new(context);
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            printer.put(b" ")?;
        }
        printer.argument(value, 'v')?;
    }
    printer.put(b"\n")?;
    Ok(printer.out)
}

impl<'p, 'c> Printer<'p, 'c> {
    pub(super) fn new(context: &'p mut Context<'c>) -> Self {
        Self {
            context,
            out: Vec::new(),
            flags: Flags::default(),
            complaining: false,
            follows: false,
        }
    }

    pub(super) fn put(&mut self, bytes: impl AsRef<[u8]>) -> Done {
        let bytes = bytes.as_ref();
        self.context.make(bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn padding(&mut self, count: usize) -> Done {
        self.context.make(count)?;
        let byte = if self.flags.zero && !self.flags.minus {
            b'0'
        } else {
            b' '
        };
        self.out.resize(self.out.len() + count, byte);
        Ok(())
    }

    fn pad(&mut self, text: &[u8]) -> Done {
        let width = self.flags.width.unwrap_or(0);
        let missing = width.saturating_sub(count_chars(text));
        if self.flags.minus {
            self.put(text)?;
            return self.padding(missing);
        }
        self.padding(missing)?;
        self.put(text)
    }

    /// Pads with spaces, even with the `0` flag.
    fn pad_with_spaces(&mut self, text: &[u8]) -> Done {
        let zero = std::mem::take(&mut self.flags.zero);
        let done = self.pad(text);
        self.flags.zero = zero;
        done
    }

    fn bad_verb(&mut self, value: &Value, verb: char) -> Done {
        self.put(format!("%!{verb}("))?;
        match value {
            Value::Nil => self.put("<nil>")?,
            value => {
                self.put(value.type_name())?;
                self.put("=")?;
                let before = std::mem::replace(&mut self.complaining, true);
                self.argument(value, 'v')?;
                self.complaining = before;
            }
        }
        self.put(")")
    }

    /// Writes one argument of a printing function.
    pub(super) fn argument(&mut self, value: &Value, verb: char) -> Done {
        let value = self.context.whole(value.unboxed())?;
        match (&value, verb) {
            (Value::Nil, 'T' | 'v') => self.pad(b"<nil>"),
            (Value::Nil, _) => self.bad_verb(&value, verb),
            (Value::List(..), 'T') => {
                let name = self.context.host.list_type();
                self.text(name.as_bytes())
            }
            (_, 'T') => self.text(value.type_name().as_bytes()),
            (_, 'p') => self.bad_verb(&value, verb),
            _ => self.value(&value, verb),
        }
    }

    fn value(&mut self, value: &Value, verb: char) -> Done {
        self.context.work(0)?;
        if !self.complaining {
            if verb == 'w' {
                return self.bad_verb(value, verb);
            }
            if matches!(verb, 'v' | 's' | 'x' | 'X' | 'q')
                && !self.flags.sharp_v
                && let Some(shown) = own_form(value)
            {
                return self.string(value, shown.as_bytes(), verb);
            }
        }
        match value {
            Value::Nil | Value::Any(None) if verb == 'v' => self.put("<nil>"),
            Value::Nil | Value::Any(None) => self.bad_verb(&Value::Nil, verb),
            Value::Any(Some(inner)) => self.value(inner, verb),
            Value::Bool(truth) => match verb {
                't' | 'v' => self.pad(truth.to_string().as_bytes()),
                _ => self.bad_verb(value, verb),
            },
            Value::Int(int, _) => {
                self.integer(value, int.unsigned_abs(), *int < 0, *int as u64, verb)
            }
            Value::Byte(byte) if verb == 'v' && self.flags.sharp_v => {
                let sharp = std::mem::replace(&mut self.flags.sharp, true);
                let done = self.digits(u64::from(*byte), false, 16, 'v');
                self.flags.sharp = sharp;
                done
            }
            Value::Byte(byte) => {
                let number = u64::from(*byte);
                self.integer(value, number, false, number, verb)
            }
            Value::Float(float) => self.float(value, *float, verb),
            Value::Complex(real, imaginary) => self.complex(value, *real, *imaginary, verb),
            Value::Text(text) => self.string(value, text, verb),
            Value::List(..) => self.list(value, verb),
            Value::Map(map) => self.map(value, map, verb),
            Value::Labels => {
                let whole = self.context.whole(Value::Labels)?;
                self.value(&whole, verb)
            }
            Value::Time(time) if self.flags.sharp_v => {
                let text = go_string(time);
                self.text(text.as_bytes())
            }
            Value::Time(time) => {
                // Go prints the fields of the struct; its pointer to the zone, an address, is left
                // out.
                let text = format!("{{{} {}}}", time.nsec, time.sec);
                self.put(text)
            }
            Value::Zone(zone) => {
                let name = zone.to_string();
                self.string(value, name.as_bytes(), verb)
            }
        }
    }

    fn complex(&mut self, value: &Value, real: f64, imaginary: f64, verb: char) -> Done {
        if !"vbgGxXfFeE".contains(verb) {
            return self.bad_verb(value, verb);
        }
        self.put("(")?;
        self.float(value, real, verb)?;
        let plus = std::mem::replace(&mut self.flags.plus, true);
        self.float(value, imaginary, verb)?;
        self.flags.plus = plus;
        self.put("i)")
    }

    fn map(&mut self, value: &Value, map: &Map, verb: char) -> Done {
        if let MapType::Struct(kind) = map.kind {
            let points = kind.name.starts_with('*') && !self.follows;
            self.put(if points { "&{" } else { "{" })?;
            for (at, field) in kind.fields.iter().enumerate() {
                if at > 0 {
                    self.put(" ")?;
                }
                let element = map.entries.get(field.as_bytes()).unwrap_or(&Value::Nil);
                self.element(element, verb, MapType::Any)?;
            }
            return self.put("}");
        }
        let (open, between, close) = self.frame(value, "map[", "]");
        self.put(open)?;
        for (at, (key, element)) in map.entries.iter().enumerate() {
            if at > 0 {
                self.put(between)?;
            }
            self.value(&Value::Text(key.clone()), verb)?;
            self.put(":")?;
            self.element(element, verb, map.kind)?;
        }
        self.put(close)
    }

    fn list(&mut self, value: &Value, verb: char) -> Done {
        let (open, between, close) = self.frame(value, "[", "]");
        self.put(open)?;
        for (at, element) in value.elements().unwrap_or_default().iter().enumerate() {
            if at > 0 {
                self.put(between)?;
            }
            self.element(element, verb, MapType::Any)?;
        }
        self.put(close)
    }

    fn element(&mut self, element: &Value, verb: char, kind: MapType) -> Done {
        if *element == Value::Nil && kind == MapType::Any {
            return self.put(match self.flags.sharp_v {
                true => "interface {}(nil)",
                false => "<nil>",
            });
        }
        self.value(element, verb)
    }

    /// The delimiters around and between the elements of a value.
    fn frame(
        &self,
        value: &Value,
        open: &str,
        close: &'static str,
    ) -> (String, &'static str, &'static str) {
        if self.flags.sharp_v {
            return (format!("{}{{", value.type_name()), ", ", "}");
        }
        (open.to_owned(), " ", close)
    }

    fn integer(
        &mut self,
        value: &Value,
        magnitude: u64,
        negative: bool,
        bits: u64,
        verb: char,
    ) -> Done {
        match verb {
            'v' | 'd' => self.digits(magnitude, negative, 10, verb),
            'b' => self.digits(magnitude, negative, 2, verb),
            'o' | 'O' => self.digits(magnitude, negative, 8, verb),
            'x' | 'X' => self.digits(magnitude, negative, 16, verb),
            'c' | 'q' => {
                // Go's conversion to a rune: the low 32 bits, and U+FFFD for an invalid code point.
                let c = u32::try_from(bits).ok().and_then(char::from_u32);
                let c = c.unwrap_or(char::REPLACEMENT_CHARACTER);
                let mut buffer = [0; 4];
                let raw = c.encode_utf8(&mut buffer).as_bytes();
                if verb == 'c' {
                    return self.pad(raw);
                }
                let quoted = quoted_with(raw, '\'', self.flags.plus);
                self.pad(quoted.as_bytes())
            }
            'U' => self.code_point(bits),
            _ => self.bad_verb(value, verb),
        }
    }

    fn code_point(&mut self, code: u64) -> Done {
        let digits = self.flags.precision.unwrap_or(4).max(4);
        self.context.room(digits)?;
        let code_digits = format!("{code:X}");
        let zeros = "0".repeat(digits.saturating_sub(code_digits.len()));
        let mut text = format!("U+{zeros}{code_digits}");
        let c = u32::try_from(code).ok().and_then(char::from_u32);
        if let Some(c) = c.filter(|c| self.flags.sharp && is_print(*c)) {
            text.push_str(&format!(" '{c}'"));
        }
        self.pad_with_spaces(text.as_bytes())
    }

    fn digits(&mut self, magnitude: u64, negative: bool, radix: u32, verb: char) -> Done {
        let flags = self.flags;
        let width = flags.width.unwrap_or(0);
        let mut precision = flags.precision.unwrap_or(0);
        if flags.precision == Some(0) && magnitude == 0 {
            let zero = std::mem::take(&mut self.flags.zero);
            self.padding(width)?;
            self.flags.zero = zero;
            return Ok(());
        }
        if flags.precision.is_none() && flags.zero && !flags.minus {
            let sign = negative || flags.plus || flags.space;
            precision = width.saturating_sub(usize::from(sign));
        }
        let digits = match radix {
            2 => format!("{magnitude:b}"),
            8 => format!("{magnitude:o}"),
            16 if verb == 'X' => format!("{magnitude:X}"),
            16 => format!("{magnitude:x}"),
            _ => magnitude.to_string(),
        };
        self.context.room(precision)?;
        let mut text = String::new();
        if negative {
            text.push('-');
        } else if flags.plus {
            text.push('+');
        } else if flags.space {
            text.push(' ');
        }
        let zeros = precision.saturating_sub(digits.len());
        if verb == 'O' {
            text.push_str("0o");
        }
        if flags.sharp {
            text.push_str(match radix {
                2 => "0b",
                8 if zeros == 0 && !digits.starts_with('0') => "0",
                16 if verb == 'X' => "0X",
                16 => "0x",
                _ => "",
            });
        }
        text.extend(std::iter::repeat_n('0', zeros));
        text.push_str(&digits);
        self.pad_with_spaces(text.as_bytes())
    }

    fn float(&mut self, value: &Value, float: f64, verb: char) -> Done {
        let (form, precision) = match verb {
            'v' => ('g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => (verb, None),
            'f' | 'e' | 'E' => (verb, Some(6)),
            'F' => ('f', Some(6)),
            _ => return self.bad_verb(value, verb),
        };
        let precision = self.flags.precision.or(precision);
        self.context
            .room(precision.unwrap_or(0).saturating_add(400))?;
        let mut number = float::format(float, form, precision);
        let negative = float.is_sign_negative() && !float.is_nan();
        let flags = self.flags;
        let sign = match (negative, flags.plus, flags.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        if !float.is_finite() {
            // Infinities always have a sign.
            let sign = match (float.is_infinite(), sign) {
                (true, "") => "+",
                (_, sign) => sign,
            };
            return self.pad_with_spaces(format!("{sign}{number}").as_bytes());
        }
        if flags.sharp && form != 'b' {
            number = with_point(&number, form, verb == 'v', precision);
        }
        let length = number.len() + 1;
        let width = flags.width.unwrap_or(0);
        if !sign.is_empty() && flags.zero && !flags.minus && width > length {
            self.put(sign)?;
            self.padding(width - length)?;
            return self.put(number);
        }
        self.pad(format!("{sign}{number}").as_bytes())
    }

    fn text(&mut self, text: &[u8]) -> Done {
        let shown = self.truncated(text);
        self.pad(shown)
    }

    fn truncated<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let Some(precision) = self.flags.precision else {
            return text;
        };
        let kept: usize = chars(text).take(precision).map(|(_, raw)| raw.len()).sum();
        text.get(..kept).unwrap_or(text)
    }

    fn string(&mut self, value: &Value, text: &[u8], verb: char) -> Done {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(text),
            'v' | 's' => self.text(text),
            'q' => self.quoted(text),
            'x' | 'X' => self.hex(text, verb),
            _ => self.bad_verb(value, verb),
        }
    }

    fn quoted(&mut self, text: &[u8]) -> Done {
        let shown = self.truncated(text);
        let plain = std::str::from_utf8(shown).is_ok_and(|text| {
            let fits = |c: char| c == '\t' || (!c.is_control() && !matches!(c, '`' | '\u{feff}'));
            text.chars().all(fits)
        });
        if self.flags.sharp && plain {
            return self.pad(&[b"`", shown, b"`"].concat());
        }
        self.context.room(shown.len().saturating_mul(10))?;
        let quoted = quoted_with(shown, '"', self.flags.plus);
        self.pad(quoted.as_bytes())
    }

    fn hex(&mut self, text: &[u8], verb: char) -> Done {
        let flags = self.flags;
        let shown = text.get(..flags.precision.unwrap_or(text.len()));
        let shown = shown.unwrap_or(text);
        if shown.is_empty() {
            return self.padding(flags.width.unwrap_or(0));
        }
        let prefix = match (flags.sharp, verb) {
            (true, 'X') => "0X",
            (true, _) => "0x",
            _ => "",
        };
        self.context.room(shown.len().saturating_mul(5))?;
        let mut digits = String::from(prefix);
        for (at, byte) in shown.iter().enumerate() {
            if flags.space && at > 0 {
                digits.push(' ');
                digits.push_str(prefix);
            }
            digits.push_str(&match verb {
                'X' => format!("{byte:02X}"),
                _ => format!("{byte:02x}"),
            });
        }
        self.pad(digits.as_bytes())
    }
}

/// A float with the `#` flag keeps its point and trailing zeros.
fn with_point(number: &str, form: char, of_v: bool, precision: Option<usize>) -> String {
    let exponents: &[char] = match form {
        'x' | 'X' => &['p', 'P'],
        _ => &['e', 'E'],
    };
    let at = number.find(exponents).unwrap_or(number.len());
    let (digits, tail) = number.split_at(at);
    let mut digits = digits.to_owned();
    let mut wanted = match form {
        'g' | 'G' | 'x' => precision.unwrap_or(6),
        _ if of_v => 6,
        _ => 0,
    };
    let mut significant = false;
    for c in digits.chars().filter(|c| *c != '.') {
        significant |= c != '0';
        wanted = wanted.saturating_sub(usize::from(significant));
    }
    if !digits.contains('.') {
        if digits == "0" {
            wanted = wanted.saturating_sub(1);
        }
        digits.push('.');
    }
    digits.extend(std::iter::repeat_n('0', wanted));
    digits + tail
}

/// `String()` of a value; only the types of package `time` have it.
pub(super) fn own_form(value: &Value) -> Option<String> {
    Some(match value {
        Value::Int(nanos, IntType::Duration | IntType::DurationPointer) => go::format(*nanos),
        Value::Int(month, IntType::Month) => name_of(&MONTHS, *month, 1, "Month"),
        Value::Int(day, IntType::Weekday) => name_of(&WEEKDAYS, *day, 0, "Weekday"),
        Value::Time(time) => time.to_string(),
        Value::Zone(zone) => zone.to_string(),
        _ => return None,
    })
}

/// `time.Time.GoString`
fn go_string(time: &super::time::Time) -> String {
    let clock = time.clock();
    let month = name_of(&MONTHS, clock.month, 1, "Month");
    format!(
        "time.Date({}, time.{month}, {}, {}, {}, {}, {}, time.{})",
        clock.year, clock.day, clock.hour, clock.minute, clock.second, time.nsec, time.zone
    )
}
