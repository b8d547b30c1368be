//! What SQS takes: names, texts, sizes and counts, as
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
//! has them.

/// Messages in one request, of any kind.
pub(super) const BATCH: usize = 10;

/// The largest message, and the largest batch, with its attributes, in bytes.
pub(super) const LARGEST: usize = 1 << 20;

/// The longest that a message is delayed when it is sent, in seconds.
pub(super) const LONGEST_DELAY: i64 = 900;

/// Attributes of one message.
pub(super) const MOST_ATTRIBUTES: usize = 10;

const LONGEST_NAME: usize = 256;

/// Why a name cannot carry the id, if so.
pub(super) fn name_refusal(name: &str) -> Option<String> {
    let why = "a name has up to 256 letters, digits, `_`, `-` and single `.`, and begins with \
               neither `AWS.` nor `Amazon.`";
    (!is_name(name)).then(|| why.to_owned())
}

/// Whether SQS takes it as an attribute's name.
pub(super) fn is_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let lower = name.to_ascii_lowercase();
    let dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    let taken = lower.starts_with("aws.") || lower.starts_with("amazon.");
    (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(legal) && !dots && !taken
}

/// Whether SQS takes it as text.
pub(super) fn is_text(text: &str) -> bool {
    let legal = |c: char| match c {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        c => c >= ' ',
    };
    !text.is_empty() && text.chars().all(legal)
}
