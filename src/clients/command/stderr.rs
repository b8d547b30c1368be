//! What a run says on its standard error: lines for our log, however many and however long.

use crate::text::visible;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// No line in the log is longer, in bytes; what is more of it is left out.
const LONGEST_LINE: usize = 4096;

/// Passes on line by line until there are no more.
pub async fn each_line(mut reader: impl AsyncBufRead + Unpin, mut say: impl FnMut(&str)) {
    while let Some(line) = line(&mut reader).await {
        say(&line);
    }
}

/// The next line, without more of it in memory than is shown.
async fn line(reader: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let (mut line, mut cut, mut any) = (Vec::new(), false, false);
    loop {
        // A pipe that cannot be read has no more lines.
        let bytes = reader.fill_buf().await.unwrap_or_default();
        any |= !bytes.is_empty();
        let end = memchr::memchr(b'\n', bytes);
        let piece = &bytes[..end.unwrap_or(bytes.len())];
        let room = LONGEST_LINE - line.len();
        cut |= piece.len() > room;
        line.extend_from_slice(&piece[..piece.len().min(room)]);
        let (taken, ended) = (end.map_or(bytes.len(), |at| at + 1), bytes.is_empty());
        reader.consume(taken);
        if ended && !any {
            return None;
        }
        if end.is_some() || ended {
            let shown = visible(line.strip_suffix(b"\r").unwrap_or(&line));
            return Some(if cut { shown + " ..." } else { shown });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(mut bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = line(&mut bytes).await {
            lines.push(line);
        }
        lines
    }

    #[tokio::test]
    async fn lines_come_one_by_one_with_control_characters_made_visible() {
        assert_eq!(lines(b"").await, Vec::<String>::new());
        assert_eq!(lines(b"a\n\nb\r\nc").await, ["a", "", "b", "c"]);
        assert_eq!(lines(b"\x1b[31mred\xff").await, ["\\u{1b}[31mred\\xff"]);
    }

    #[tokio::test]
    async fn a_line_without_end_is_cut() {
        let long = vec![b'x'; 10 * LONGEST_LINE];
        let told = lines(&[&long[..], b"\nafter"].concat()).await;
        assert_eq!(told, ["x".repeat(LONGEST_LINE) + " ...", "after".to_owned()]);
    }
}
