//! What a dry run of `publish` would publish, on stdout.

use crate::descriptors::Standard;
use crate::envelope::Envelope;
use crate::error::{Error, Kind};
use crate::message::Message;
use crate::publish::Show;
use std::io::{ErrorKind, Write as _};
use std::sync::Arc;

/// Shows messages on stdout, as [`Envelope`] writes them, a line each; whether anybody still reads
/// these is not asked.
pub(super) fn on_stdout() -> Show {
    Show(Arc::new(|messages| match write(messages) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|cause| {
            Error::new(Kind::Failed, "cannot show messages on stdout").because(cause)
        }),
    }))
}

fn write(messages: &[Message]) -> std::io::Result<()> {
    let mut lines = Vec::new();
    for message in messages {
        serde_json::to_writer(&mut lines, &Envelope::of_message(message))?;
        lines.push(b'\n');
    }
    Standard::Output.open().map_err(std::io::Error::other)?.write_all(&lines)
}
