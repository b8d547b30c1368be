//! What manual pages take from our documents: tables, and text with code and links in it.

use roff::{Inline, bold, roman};

/// The rows of the table whose first column is headed by this word, each by its cells.
pub(super) fn table<'a>(document: &'a str, head: &str) -> Vec<Vec<&'a str>> {
    let head = format!("| {head} |");
    let lines = document.lines().skip_while(|line| !line.starts_with(&head));
    let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// The paragraphs before the first table, but for the title, each on one line.
pub(super) fn opening(document: &str) -> Vec<String> {
    let lines = document.lines().skip_while(|line| line.starts_with('#'));
    let lines: Vec<_> = lines.take_while(|line| !line.starts_with('|')).collect();
    let paragraphs = lines.split(|line| line.is_empty()).filter(|lines| !lines.is_empty());
    paragraphs.map(|lines| lines.join(" ")).collect()
}

/// The lines of the last block of code.
pub(super) fn last_code(document: &str) -> Vec<&str> {
    let (_, block) = document.rsplit_once("```sh\n").unwrap_or_default();
    block.lines().take_while(|line| !line.starts_with("```")).collect()
}

/// The texts between backticks.
pub(super) fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// A text with its code in bold, its strong words like the others, and of links only their words.
pub(super) fn inlines(text: &str) -> Vec<Inline> {
    let text = without_links(text).replace("**", "");
    let parts = text.split('`').enumerate().filter(|(_, part)| !part.is_empty());
    parts.map(|(at, part)| if at % 2 == 1 { bold(part) } else { roman(part) }).collect()
}

/// A text without the addresses of its links.
fn without_links(text: &str) -> String {
    let (mut bare, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('[') {
        bare += before;
        match after.split_once(']').and_then(link) {
            Some((words, after)) => {
                bare += words;
                rest = after;
            }
            None => {
                bare.push('[');
                rest = after;
            }
        }
    }
    bare + rest
}

/// The words of a link, and what follows it; `None` where what follows the words is no address.
fn link<'a>((words, after): (&'a str, &'a str)) -> Option<(&'a str, &'a str)> {
    let (_, rest) = after.strip_prefix('(')?.split_once(')')?;
    Some((words, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_taken_apart() {
        let document = "# Title\n\nOne\nparagraph.\n\n**Two.**\n\n| a | b |\n|---|---|\n| `x` | y, z |\n\n\
                        ```sh\nfirst\n```\nmore\n```sh\nlast 'one'\n```\n";
        assert_eq!(table(document, "a"), [["`x`", "y, z"]]);
        assert_eq!(opening(document), ["One paragraph.", "**Two.**"]);
        assert_eq!(last_code(document), ["last 'one'"]);
        assert_eq!(code("a `b` c `d:e`").collect::<Vec<_>>(), ["b", "d:e"]);
    }

    #[test]
    fn code_is_bold_and_a_link_its_words() {
        let shown = inlines("see [the `x`](a.md), **now**: `-y [Z]` (w)");
        assert_eq!(
            shown,
            [roman("see the "), bold("x"), roman(", now: "), bold("-y [Z]"), roman(" (w)")]
        );
    }
}
