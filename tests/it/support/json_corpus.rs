//! JSON documents of odd kinds, and what must be said where one is refused.

use std::collections::BTreeSet;

/// One document.
#[derive(Debug, Clone)]
pub struct Odd {
    /// The case's id: the kind and a number.
    pub id: String,
    pub body: Vec<u8>,
    /// The path of the field that is odd: a refusal names it. Empty where it is the body as a whole.
    pub field: String,
}

impl Odd {
    /// Whether it is JSON that every reader takes the same way.
    pub fn is_plain(&self) -> bool {
        kakehi::json::validate(&self.body, kakehi::json::SHOWN_DEPTH).is_ok()
    }

    /// Whether a refusal for this reason names the field.
    pub fn is_named_in(&self, reason: &str) -> bool {
        self.field.is_empty() || reason.contains(&format!("field `{}", self.field))
    }
}

/// All of them.
pub fn documents() -> Vec<Odd> {
    let mut all = Vec::new();
    let mut add = |kind: &str, field: &str, body: Vec<u8>| {
        let id = format!("{kind}-{}", all.len());
        all.push(Odd { id, body, field: field.to_owned() });
    };
    for number in NUMBERS {
        add("number", "n", format!(r#"{{"a":1,"n":{number}}}"#).into());
        add("val", "te.val", format!(r#"{{"te":{{"val":{number}}}}}"#).into());
    }
    for text in STRINGS {
        add("string", "s", format!(r#"{{"s":{text},"z":"end"}}"#).into());
    }
    for key in KEYS {
        // In an array of objects, so that the path has more than one step.
        add("key", "o", format!(r#"{{"o":[{{{key}:1}}],"z":2}}"#).into());
        add("top-key", "", format!(r#"{{{key}:"x","z":2}}"#).into());
    }
    for date in DATES {
        add("date", "created_at", format!(r#"{{"created_at":"{date}","d":1}}"#).into());
    }
    for depth in [10, 64, 90, 99, 100, 101, 126, 127, 128, 200, 249, 250, 255, 300, 1000, 5000] {
        let array = format!("{}1{}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        add("arrays", "d", format!(r#"{{"d":{array}}}"#).into());
        let object = format!("{}1{}", r#"{"d":"#.repeat(depth), "}".repeat(depth));
        add("objects", "d", object.into());
    }
    for size in [0, 1000, 65_536, 130_000, 200_000] {
        add("size", "", format!(r#"{{"s":"{}"}}"#, "é".repeat(size / 2)).into());
    }
    for body in WHOLE {
        add("whole", "", body.to_vec());
    }
    for (field, body) in BROKEN {
        add("broken", field, body.to_vec());
    }
    all
}

const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-0.0",
    "1",
    "1.0",
    "1.50",
    "-17",
    "0.1",
    "0.30000000000000004",
    "0.10000000000000001",
    "3.141592653589793",
    "3.141592653589793238",
    "25.149109",
    "1e0",
    "1E+2",
    "1e-2",
    "1e23",
    "1e308",
    "1e309",
    "1e999",
    "-1e999",
    "1e-300",
    "5e-324",
    "1e-400",
    "2147483647",
    "2147483648",
    "-2147483649",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551614",
    "18446744073709551615",
    "10000000000000000000",
    "12345678901234567890.5",
    "12345678901234567890123",
    "0.000000000000000000000000000001",
    "100000000000000000000000000000000000000000000000000",
    "1.00000000000000000000000000000000000001",
];

const STRINGS: &[&str] = &[
    r#""""#,
    r#"" ""#,
    r#""\"\\\/\b\f\n\r\t""#,
    r#""\u0000""#,
    r#""\u0001\u001f\u007f""#,
    r#""\u0041\u00e9\u4e2d""#,
    r#""\ud83c\udf31""#,
    r#""\uD83C\uDF31 🌱""#,
    r#""\ud83d""#,
    r#""\ude00""#,
    r#""\ud83d\ud83d""#,
    r#""x\ud83dx""#,
    r#""\ude00\ud83d""#,
    r#""\\ud83d""#,
    r#""\uffff\ufffe\ufeff""#,
    "\"\u{feff}bom\"",
    "\"é e\u{301}\"",
    "\"Å \u{212b} A\u{30a}\"",
    "\"がか\u{3099}\"",
    "\"👨\u{200d}👩\u{200d}👧\"",
    "\"\u{202e}right to left\"",
    "\"\u{2028}\u{2029}\"",
    "\"\u{a0}\u{200b}\"",
    "\"\u{10ffff}\"",
    "\"\u{7f}\u{85}\"",
    r#""<script>alert('x')</script>""#,
    r#""'; DROP TABLE messages; --""#,
    r#""$where""#,
    r#""{\"a\":1}""#,
    r#""NaN""#,
    r#""1e999""#,
    r#""2025-02-15T17:49:42.123456Z""#,
    r#"["a",["b",[]],{}]"#,
    "[[[1],[2]],[]]",
    "[null,true,false,0,\"\"]",
    "null",
    "true",
    "{}",
    "[]",
];

const KEYS: &[&str] = &[
    r#""""#,
    r#"" ""#,
    r#""$set""#,
    r#""a$""#,
    r#""$""#,
    r#""a.b""#,
    r#"".""#,
    r#""a.""#,
    r#""_id""#,
    r#""id""#,
    r#""__proto__""#,
    r#""constructor""#,
    r#""\u0000""#,
    r#""a\u0000b""#,
    r#""\n""#,
    r#""\"""#,
    r#""\\""#,
    r#""\ud83c\udf31""#,
    r#""\ud83d""#,
    "\"é\"",
    "\"e\u{301}\"",
    "\"val\"",
    "\"created_at\"",
    "\"exact_dates\"",
    "\"名前\"",
    "\"k\":0,\"k\"",
    "\"\\u006b\":0,\"k\"",
];

const DATES: &[&str] = &[
    "2025-02-15T17:49:42Z",
    "2025-02-15T17:49:42.1Z",
    "2025-02-15T17:49:42.123Z",
    "2025-02-15T17:49:42.1234Z",
    "2025-02-15T17:49:42.123456Z",
    "2025-02-15T17:49:42.123456789Z",
    "2025-02-15T17:49:42.1234567890123Z",
    "2025-02-15T17:49:42+09:00",
    "2025-02-15T17:49:42.5-00:00",
    "2025-02-15t17:49:42z",
    "1969-12-31T23:59:59.9995Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
    "2016-12-31T23:59:60Z",
    "2025-02-30T00:00:00Z",
    "2025-02-15",
    "2025-02-15 17:49:42",
    "yesterday",
    "",
];

/// What is no object, or nothing but one.
const WHOLE: &[&[u8]] = &[
    b"{}",
    b" { } ",
    b"\t{\r\n\"a\" : 1 ,\n \"b\" : [ 1 , 2 ] }\n",
    b"",
    b" ",
    b"null",
    b"true",
    b"0",
    b"-1.5e3",
    b"\"text\"",
    b"[]",
    b"[{\"a\":1}]",
    b"plain text",
    b"{\"a\":1}{\"b\":2}",
    b"{\"a\":1} trailing",
    b"\xef\xbb\xbf{\"a\":1}",
    b"\xff\xfe{\x00}\x00",
    b"\x00\x01\x02\xff",
    b"{\"a\":1,}",
    b"{'a':1}",
    b"{a:1}",
    b"{",
];

const BROKEN: &[(&str, &[u8])] = &[
    ("a", b"{\"a\":\"\xff\"}"),
    ("a.b", b"{\"a\":{\"b\":\"x\xc3\"}}"),
    ("a[1]", b"{\"a\":[0,\"\xed\xa0\x80\"]}"),
    ("a", b"{\"a\":NaN}"),
    ("a", b"{\"a\":Infinity}"),
    ("a", b"{\"a\":01}"),
    ("a", b"{\"a\":+1}"),
    ("a", b"{\"a\":.5}"),
    ("a", b"{\"a\":1.}"),
    ("a", b"{\"a\":0x10}"),
    ("a", b"{\"a\":'x'}"),
    ("a", b"{\"a\":\"\\x\"}"),
    ("a", b"{\"a\":\"\\u12\"}"),
    ("a", b"{\"a\":\"tab\there\"}"),
    ("a", b"{\"a\":undefined}"),
    ("b", b"{\"a\":1,\"b\":"),
    ("b", b"{\"a\":1,\"b\":\"x"),
];

#[test]
fn there_are_many_and_each_has_a_name_of_its_own() {
    let all = documents();
    let ids: BTreeSet<_> = all.iter().map(|odd| &odd.id).collect();
    assert!(all.len() >= 150 && ids.len() == all.len(), "{}", all.len());
    let plain = all.iter().filter(|odd| odd.is_plain()).count();
    assert!(plain > 100 && all.len() - plain > 30, "{plain} of {}", all.len());
}
