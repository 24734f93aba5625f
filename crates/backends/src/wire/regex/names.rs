//! Names of Unicode properties that Go knows: general categories and scripts.

/// Accepted spellings of names. The real servers have two parsers: that of Go's standard library,
/// and for label matchers a fork that accepts only the names of Go's Unicode tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// `\p{Lu}`, `\p{Greek}` alone.
    Exact,
    /// Also `\p{uppercase letter}`, `\p{GREEK}`, `\p{ASCII}`.
    Loose,
}

/// The meaning of a name in `\p{…}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Property {
    /// Every character.
    Any,
    /// The first 128.
    Ascii,
    /// Assigned code points.
    Assigned,
    /// A general category.
    Category(&'static str),
    /// A script.
    Script(&'static str),
}

/// The property of this name.
pub(super) fn property(name: &str, spelling: Spelling) -> Option<Property> {
    if name == "Any" {
        return Some(Property::Any);
    }
    let known = |list: &[&'static str], name: &str| {
        let place = list.binary_search(&name).ok()?;
        list.get(place).copied()
    };
    let exact = |name: &str| {
        let category = known(CATEGORIES, name).map(Property::Category);
        category.or_else(|| known(SCRIPTS, name).map(Property::Script))
    };
    let found = exact(name);
    if found.is_some() || spelling == Spelling::Exact {
        return found;
    }
    let name = canonical(name);
    match name.as_str() {
        "Any" => Some(Property::Any),
        "Ascii" => Some(Property::Ascii),
        "Assigned" => Some(Property::Assigned),
        "Lc" => exact("LC"),
        name => exact(name).or_else(|| {
            let mut aliases = ALIASES.iter();
            aliases.find_map(|(alias, short)| (*alias == name).then(|| exact(short)).flatten())
        }),
    }
}

/// A capital and small letters, without `_`, `-` and blanks.
fn canonical(name: &str) -> String {
    let letters = name.chars().filter(|one| !matches!(one, '_' | '-' | ' '));
    letters
        .enumerate()
        .map(|(place, one)| match place {
            0 => one.to_ascii_uppercase(),
            _ => one.to_ascii_lowercase(),
        })
        .collect()
}

/// Long names of categories, in canonical form.
#[rustfmt::skip]
const ALIASES: &[(&str, &str)] = &[
    ("Casedletter", "LC"), ("Closepunctuation", "Pe"), ("Combiningmark", "M"), ("Connectorpunctuation", "Pc"),
    ("Control", "Cc"), ("Currencysymbol", "Sc"), ("Dashpunctuation", "Pd"), ("Decimalnumber", "Nd"),
    ("Enclosingmark", "Me"), ("Finalpunctuation", "Pf"), ("Format", "Cf"), ("Initialpunctuation", "Pi"),
    ("Letter", "L"), ("Letternumber", "Nl"), ("Lineseparator", "Zl"), ("Lowercaseletter", "Ll"), ("Mark", "M"),
    ("Mathsymbol", "Sm"), ("Modifierletter", "Lm"), ("Modifiersymbol", "Sk"), ("Nonspacingmark", "Mn"),
    ("Number", "N"), ("Openpunctuation", "Ps"), ("Other", "C"), ("Otherletter", "Lo"), ("Othernumber", "No"),
    ("Otherpunctuation", "Po"), ("Othersymbol", "So"), ("Paragraphseparator", "Zp"), ("Privateuse", "Co"),
    ("Punctuation", "P"), ("Separator", "Z"), ("Spaceseparator", "Zs"), ("Spacingmark", "Mc"),
    ("Surrogate", "Cs"), ("Symbol", "S"), ("Titlecaseletter", "Lt"), ("Unassigned", "Cn"),
    ("Uppercaseletter", "Lu"), ("Cntrl", "Cc"), ("Digit", "Nd"), ("Punct", "P"),
];

/// Sorted.
const CATEGORIES: &[&str] = &[
    "C", "Cc", "Cf", "Cn", "Co", "Cs", "L", "LC", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me",
    "Mn", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk",
    "Sm", "So", "Z", "Zl", "Zp", "Zs",
];

/// Sorted; those of Unicode 15.0.
#[rustfmt::skip]
const SCRIPTS: &[&str] = &[
    "Adlam", "Ahom", "Anatolian_Hieroglyphs", "Arabic", "Armenian", "Avestan", "Balinese", "Bamum", "Bassa_Vah",
    "Batak", "Bengali", "Bhaiksuki", "Bopomofo", "Brahmi", "Braille", "Buginese", "Buhid", "Canadian_Aboriginal",
    "Carian", "Caucasian_Albanian", "Chakma", "Cham", "Cherokee", "Chorasmian", "Common", "Coptic", "Cuneiform",
    "Cypriot", "Cypro_Minoan", "Cyrillic", "Deseret", "Devanagari", "Dives_Akuru", "Dogra", "Duployan",
    "Egyptian_Hieroglyphs", "Elbasan", "Elymaic", "Ethiopic", "Georgian", "Glagolitic", "Gothic", "Grantha",
    "Greek", "Gujarati", "Gunjala_Gondi", "Gurmukhi", "Han", "Hangul", "Hanifi_Rohingya", "Hanunoo", "Hatran",
    "Hebrew", "Hiragana", "Imperial_Aramaic", "Inherited", "Inscriptional_Pahlavi", "Inscriptional_Parthian",
    "Javanese", "Kaithi", "Kannada", "Katakana", "Kawi", "Kayah_Li", "Kharoshthi", "Khitan_Small_Script", "Khmer",
    "Khojki", "Khudawadi", "Lao", "Latin", "Lepcha", "Limbu", "Linear_A", "Linear_B", "Lisu", "Lycian", "Lydian",
    "Mahajani", "Makasar", "Malayalam", "Mandaic", "Manichaean", "Marchen", "Masaram_Gondi", "Medefaidrin",
    "Meetei_Mayek", "Mende_Kikakui", "Meroitic_Cursive", "Meroitic_Hieroglyphs", "Miao", "Modi", "Mongolian",
    "Mro", "Multani", "Myanmar", "Nabataean", "Nag_Mundari", "Nandinagari", "New_Tai_Lue", "Newa", "Nko", "Nushu",
    "Nyiakeng_Puachue_Hmong", "Ogham", "Ol_Chiki", "Old_Hungarian", "Old_Italic", "Old_North_Arabian",
    "Old_Permic", "Old_Persian", "Old_Sogdian", "Old_South_Arabian", "Old_Turkic", "Old_Uyghur", "Oriya", "Osage",
    "Osmanya", "Pahawh_Hmong", "Palmyrene", "Pau_Cin_Hau", "Phags_Pa", "Phoenician", "Psalter_Pahlavi", "Rejang",
    "Runic", "Samaritan", "Saurashtra", "Sharada", "Shavian", "Siddham", "SignWriting", "Sinhala", "Sogdian",
    "Sora_Sompeng", "Soyombo", "Sundanese", "Syloti_Nagri", "Syriac", "Tagalog", "Tagbanwa", "Tai_Le", "Tai_Tham",
    "Tai_Viet", "Takri", "Tamil", "Tangsa", "Tangut", "Telugu", "Thaana", "Thai", "Tibetan", "Tifinagh", "Tirhuta",
    "Toto", "Ugaritic", "Vai", "Vithkuqi", "Wancho", "Warang_Citi", "Yezidi", "Yi", "Zanabazar_Square",
];
